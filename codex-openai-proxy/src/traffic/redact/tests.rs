//! What is masked, and what stays.

mod apart;
mod bodies;
mod plain;
mod properties;

/// Secrets that are known by their shape, whatever stands around them.
const SHAPED: &[&str] = &[
    "cop_Ab1cd-Ef2gh3Ij4kl5Mn6op7Qr8st9Uv0wx1Yz2Ab3c",
    "sk-0123456789abcdefghijABCDEFGHIJ0123456789abcdefgh",
    "sk-proj-Ab1-cd_Ef2gh3Ij4kl5Mn6op7Qr8st9Uv0wx1Yz2",
    "sk-svcacct-Ab1cdEf2gh3Ij4kl5Mn6",
    "sk-ant-api03-Ab1cdEf2gh3Ij4kl5-Mn6op7Qr8_AA",
    "sk-or-v1-0123456789abcdef0123456789abcdef",
    "sess-Ab1cdEf2gh3Ij4kl5Mn6op7Qr8st9",
    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "gho_0123456789abcdefghijABCDEFGHIJ012345",
    "ghs_0123456789abcdefghijABCDEFGHIJ012345",
    "ghu_0123456789abcdefghijABCDEFGHIJ012345",
    "ghr_0123456789abcdefghijABCDEFGHIJ012345",
    "github_pat_11ABCDEFG0abcdefghijkl_0123456789ABCDEFGHIJ",
    "glpat-Ab1cdEf2gh3Ij4kl5Mn6",
    "xoxb-123456789012-1234567890123-Ab1cdEf2gh3Ij4kl5Mn6op7Q",
    "xoxp-123456789012-Ab1cdEf2gh3Ij4kl5Mn6op7Q",
    "xoxe.xoxp-1-Ab1cdEf2gh3Ij4kl5Mn6op7Q",
    "xapp-1-A0123-456789-0123456789abcdef",
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    "AIzaSyA0123456789abcdefghijABCDEFGHIJ01",
    "ya29.a0AfH6SMBx-0123456789abcdefghij",
    "GOCSPX-0123456789abcdefghijABCDEFGH",
    "1//0gabcdefghijklmnopqrstuvwx-0123456789",
    "sk_live_0123456789abcdefghijABCD",
    "rk_test_0123456789abcdefghijABCD",
    "whsec_0123456789abcdefghijABCDEFGHIJ01",
    "npm_0123456789abcdefghijABCDEFGHIJ012345",
    "pypi-AgEIcHlwaS5vcmcCJDAxMjM0NTY3LTg5YWItY2RlZi0",
    "hf_0123456789abcdefghijABCDEFGHIJ0123",
    "xai-0123456789abcdefghijABCDEFGHIJ0123456789",
    "gsk_0123456789abcdefghijABCDEFGHIJ0123456789",
    "SG.0123456789abcdefghij_A.0123456789abcdefghijABCDEFGHIJ0123456789ab",
    "dop_v1_0123456789abcdef0123456789abcdef0123456789abcdef",
    "shpat_0123456789abcdef0123456789abcdef",
    "dckr_pat_0123456789abcdefghijABCDEFG",
    "lin_api_0123456789abcdefghijABCDEFGHIJ0123456789",
    "hvs.CAESI0123456789abcdefghijABCDEFG",
    "https://hooks.slack.com/services/T00000000/B00000000/0123456789abcdefghijABCD",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9",
    "eyJhbGciOiJSU0EifQ.OKOawDo13gRp2ojaHV7.48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3r.XFBoMYUZodetZdv",
    "sk-abcdefghijklmnopqrstuvwx",
    "rt_0123456789abcdefghijABCD.0123456789abcdefghijABCD",
    "HRKU-01234567-89ab-cdef-0123-456789abcdef",
    "SK0123456789abcdef0123456789abcdef",
    "key-0123456789abcdef0123456789abcdef",
    "gAAAAABh0123456789abcdefghijABCDEFGHIJ0123456789abcdefghijABCDEFGHIJ==",
    "$6$0123456789abcdef$0123456789abcdefghijABCDEFGHIJ./",
    "$2b$12$0123456789abcdefghijABCDEFGHIJ0123456789abcdefghijABC",
    "$apr1$01234567$0123456789abcdefghijAB",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nAb1/cd+Ef2==\n-----END PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n-----END OPENSSH PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123\n\nMIIEvQIBADANBgkq\n-----END RSA PRIVATE KEY-----",
];

/// The parts of a secret that would give it away.
fn tells(text: &str, secret: &str) -> bool {
    // The end of it, without what closes it.
    let secret = secret.trim_end_matches("-----");
    let words: Vec<&str> = secret
        .split(['\n', ' '])
        .filter(|word| word.len() >= 12 && !word.starts_with('-'))
        .collect();
    text.contains(secret)
        || words
            .iter()
            .any(|word| text.contains(&word[word.len() - 10..]))
}
