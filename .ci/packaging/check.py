"""What is in packaging/ against what the product is: `check.py BINARY ROOT`, where ROOT is the unpacked
package. Each function below is one check; all of them run, and every mistake is told.
"""

import fnmatch
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import urllib.request

import yaml

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PACKAGING = REPOSITORY / "packaging"
sys.path.insert(0, str(REPOSITORY / ".ci"))
import proxy  # noqa: E402

BINARY, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
KEY = "cop_a-key-of-the-checks-that-is-long-enough-to-be-one"
KUBERNETES_VALIDATE = pathlib.Path(sys.executable).with_name("kubernetes-validate")

# Libraries that the binary may be linked with, and the packages of Debian 13 that have them. Those
# without one are in every image.
LIBRARIES = {
    "ld-linux": None,
    "libc": None,
    "libcrypto": "libssl3t64",
    "libgcc_s": None,
    "libm": None,
    "libssl": "libssl3t64",
    "linux-vdso": None,
}

# Figures that need a Codex account.
UNSEEN_FIGURES = {"codex_proxy_plan_used_ratio", "codex_proxy_plan_reset_timestamp_seconds"}

# Routes that the examples of tunnels and reverse proxies keep at home, by how their paths begin.
AT_HOME = ("/logs", "/metrics", "/openapi.json", "/health")
# What of these is let through nevertheless.
LET_THROUGH = {"/health/live"}

mistakes = []


def expect(holds, message):
    if not holds:
        mistakes.append(message)
        print(f"   WRONG: {message}")


def run(*command, env=None, text=None):
    return subprocess.run(
        [str(part) for part in command],
        env=env,
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
    )


def documents(path):
    return list(yaml.safe_load_all(path.read_text()))


def docker_context():
    """The image's build has what it needs, and nothing that is none of its business."""
    rules = [
        (line.removeprefix("!"), line.startswith("!"))
        for line in (REPOSITORY / ".dockerignore").read_text().split("\n")
        if line and not line.startswith("#")
    ]

    def is_in(path):
        let_in = True
        for pattern, opens in rules:
            names = [path, *(str(folder) for folder in pathlib.PurePath(path).parents)]
            bare = pattern.removeprefix("**/")
            if any(fnmatch.fnmatch(n, pattern) or (bare != pattern and pathlib.PurePath(n).name == bare) for n in names):
                let_in = opens
        return let_in

    git = ("git", "-C", REPOSITORY, "ls-files", "-z")
    files = run(*git, "--cached", "--others", "--exclude-standard").stdout.split("\0")
    files = [f for f in files if f and (REPOSITORY / f).exists()]
    with tempfile.TemporaryDirectory() as folder:
        context = pathlib.Path(folder)
        inside = [f for f in files if is_in(f)]
        for name in inside:
            (context / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, context / name)
        manifest = context / "Cargo.toml"
        target = f"--filter-platform={platform.machine()}-unknown-linux-gnu"
        done = run("cargo", "metadata", "--locked", "--offline", "--format-version=1", target, "--manifest-path", manifest)
        expect(done.returncode == 0, f"cargo does not find its way in the image's build: {done.stderr}")
        for source in context.rglob("*.rs"):
            text = re.sub(r"^\s*//.*", "", source.read_text(), flags=re.M)
            for named in re.findall(r'include_(?:str|bytes)!\(\s*"([^"]+)"', text):
                expect((source.parent / named).exists(), f"{source.relative_to(context)} includes {named}, which .dockerignore keeps out")
    tops = {name.split("/")[0] for name in inside}
    wanted = {"Cargo.toml", "Cargo.lock", "codex-openai-proxy", "codex-code-mode", "proxy-bench", "stand-ins", "static"}
    expect(tops == wanted, f"the image's build sees {sorted(tops)}")


def docker_image():
    """The image has the libraries that the binary is linked with, and asks about its health rightly."""
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    for line in run("ldd", BINARY).stdout.splitlines():
        library = re.split(r"[.\-]\d|\.so|-x86|-aarch", pathlib.Path(line.split()[0]).name)[0]
        expect(library in LIBRARIES, f"the binary is linked with {library}, which no package is known for")
        package = LIBRARIES.get(library)
        expect(package is None or package in dockerfile, f"the image lacks {package}")
    toolchain = re.search(r"FROM rust:([\d.]+)", dockerfile)[1]
    readme = (REPOSITORY / "README.md").read_text()
    expect(f"({toolchain} or later" in readme, f"README.md names another Rust than the Dockerfile's {toolchain}")
    version = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    for name in ("compose/compose.yaml", "kubernetes/kustomization.yaml", "kubernetes/deployment.yaml"):
        expect(version in (PACKAGING / name).read_text(), f"{name} names another version than {version}")


def configurations():
    """The configurations that are shipped are right once a key is in them, and refused before."""
    line = run(BINARY, "key", "hash", "checks", text=KEY).stdout.strip()
    expect(re.fullmatch(r'checks = "sha256:[0-9a-f]{64}"', line), f"key hash says {line!r}")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "CODEX_HOME": str(folder / "codex"),
            "CODEX_OPENAI_PROXY_HOME": str(folder / "state"),
        }
        outside = {**env, "CODEX_OPENAI_PROXY_ADDR": "0.0.0.0:11435"}
        for path in (PACKAGING / "compose/config/config.toml", PACKAGING / "kubernetes/config.toml"):
            name = path.relative_to(REPOSITORY)
            done = run(BINARY, "--config", path, "config", "check", env=outside)
            said = done.stdout + done.stderr
            expect(done.returncode == 2 and "auth.keys" in said, f"{name} without keys: {done.returncode}, {said}")
            keyed = folder / "config.toml"
            text = path.read_text().replace("[auth.keys]", f"[auth.keys]\n{line}")
            # What is commented out has to be right, too.
            text = re.sub(r"^# (\[\[upstreams|name =|base_url =|api_key_env =)", r"\1", text, flags=re.M)
            keyed.write_text(text)
            with_provider = {**outside, "OPENROUTER_API_KEY": "x"}
            done = run(BINARY, "--config", keyed, "config", "check", env=with_provider)
            expect(done.returncode == 0, f"{name} with a key: {done.stdout}{done.stderr}")
        done = run(BINARY, "--config", ROOT / "etc/codex-openai-proxy/config.toml", "config", "check", env=env)
        expect(done.returncode == 0, f"the package's config.toml: {done.stdout}{done.stderr}")


def numbers():
    """What tunnels, reverse proxies and service managers wait for and let through fits the proxy's defaults."""
    example = run(BINARY, "config", "example").stdout
    default = lambda name: re.search(rf'^#{name} = "?([\w]+)"?$', example, flags=re.M)[1]  # noqa: E731
    nginx = (PACKAGING / "reverse-proxy/nginx.conf").read_text()
    caddy = (PACKAGING / "reverse-proxy/Caddyfile").read_text()
    [cloudflared] = documents(PACKAGING / "cloudflared/config.yml")
    proxies = {
        "nginx": nginx.split("keepalive_timeout ")[1],
        "caddy": caddy.split("keepalive ")[1],
        "cloudflared": cloudflared["ingress"][0]["originRequest"]["keepAliveTimeout"],
    }
    for name, text in proxies.items():
        idle = int(re.match(r"(\d+)s", text)[1])
        expect(idle < int(default("idle_seconds")), f"{name} uses connections that the proxy has closed")
    mebibytes = re.fullmatch(r"(\d+)mb", default("max_body"))[1]
    expect(f"client_max_body_size {mebibytes}m;" in nginx, "nginx takes other bodies than the proxy")
    expect(f"max_size {mebibytes}MiB" in caddy, "caddy takes other bodies than the proxy")
    expect(f"proxy_read_timeout {default('request_seconds')}s;" in nginx, "nginx gives up before the proxy")
    expect("response_header_timeout 1h" in caddy and default("request_seconds") == "3600", "caddy gives up before the proxy")
    deployment = documents(PACKAGING / "kubernetes/deployment.yaml")[0]["spec"]["template"]["spec"]
    compose = documents(PACKAGING / "compose/compose.yaml")[0]["services"]["proxy"]
    docs = (REPOSITORY / "docs/deployment.md").read_text()
    graces = {
        "compose": compose["stop_grace_period"],
        "kubernetes": str(deployment["terminationGracePeriodSeconds"]),
        "docker run": docs.split("--stop-timeout ")[1],
    }
    for unit in sorted((PACKAGING / "systemd").glob("*.service")):
        graces[unit.name] = unit.read_text().split("TimeoutStopSec=")[1]
    for name, text in graces.items():
        grace = int(re.match(r"(\d+)", text)[1])
        expect(grace > int(default("drain_seconds")), f"{name} kills the proxy while it drains")


def package():
    """Man page and completions know the commands; programs are where the units look for them."""
    man = run("gunzip", "-c", ROOT / "usr/share/man/man1/codex-openai-proxy.1.gz").stdout
    completions = {
        "bash": ROOT / "usr/share/bash-completion/completions/codex-openai-proxy",
        "zsh": ROOT / "usr/share/zsh/vendor-completions/_codex-openai-proxy",
        "fish": ROOT / "usr/share/fish/vendor_completions.d/codex-openai-proxy.fish",
    }
    for word in ("serve", "login", "config", "key", "health", "completions"):
        expect(word in man, f"the man page does not tell of {word}")
        for shell, path in completions.items():
            expect(word in path.read_text(), f"{shell} does not complete {word}")
    conffile = (ROOT / "etc/codex-openai-proxy/config.toml").read_text()
    expect("auth.keys" in conffile, "the package's config.toml does not tell of keys")
    for path in ROOT.rglob("*"):
        mode = path.stat().st_mode & 0o777
        expect(mode in (0o644, 0o755), f"{path.relative_to(ROOT)} has mode {mode:o}")


def kubernetes():
    """The manifests fit Kubernetes' schemas, alone and with the tunnel, and what is said in them holds."""
    folder = PACKAGING / "kubernetes"
    kustomization = documents(folder / "kustomization.yaml")[0]
    manifests = [folder / name for name in kustomization["resources"]]
    deployment = documents(folder / "deployment.yaml")[0]
    # What kustomize makes of the patch: containers are merged by name, and there is one of its own.
    tunnel = folder / "tunnel"
    patched = documents(folder / "deployment.yaml")[0]
    [patch] = documents(tunnel / "kustomization.yaml")[0]["patches"]
    [added] = documents(tunnel / patch["path"])
    expect(added["metadata"]["name"] == patched["metadata"]["name"], "the tunnel patches something else")
    patched["spec"]["template"]["spec"]["containers"] += added["spec"]["template"]["spec"]["containers"]
    with tempfile.TemporaryDirectory() as scratch:
        merged = pathlib.Path(scratch) / "with-tunnel.yaml"
        merged.write_text(yaml.safe_dump(patched))
        for path in [*manifests, folder / "secret.example.yaml", merged]:
            done = run(KUBERNETES_VALIDATE, "--strict", "--no-warn", path)
            expect(done.returncode == 0, f"{path.name}: {done.stdout}{done.stderr}")

    pod = deployment["spec"]["template"]
    labels = pod["metadata"]["labels"].items()
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        documents(folder / "service.yaml")[0]["spec"]["selector"],
        documents(folder / "network-policy.yaml")[0]["spec"]["podSelector"]["matchLabels"],
    ]
    expect(all(selector.items() <= labels for selector in selectors), "a selector does not select the pod")
    claim = documents(folder / "volume.yaml")[0]["metadata"]["name"]
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    expect(volumes["data"]["persistentVolumeClaim"]["claimName"] == claim, "the pod mounts another volume")
    [generated] = kustomization["configMapGenerator"]
    expect(volumes["config"]["configMap"]["name"] == generated["name"], "the pod mounts another ConfigMap")
    expect((folder / generated["files"][0]).exists(), "there is no config.toml for the ConfigMap")
    for container in patched["spec"]["template"]["spec"]["containers"]:
        security = container["securityContext"]
        expect(
            security["readOnlyRootFilesystem"]
            and not security["allowPrivilegeEscalation"]
            and security["capabilities"]["drop"] == ["ALL"]
            and "memory" in container["resources"]["limits"],
            f"the container {container['name']} may too much",
        )
    expect(pod["spec"]["enableServiceLinks"] is False, "Kubernetes would set variables that look like settings")
    expect(deployment["spec"]["replicas"] == 1, "two processes would want one state folder")


def compose():
    """Ports are on loopback, and the figures are asked for where the proxy is."""
    services = documents(PACKAGING / "compose/compose.yaml")[0]["services"]
    for name, service in services.items():
        for port in service.get("ports", []):
            expect(port.startswith("127.0.0.1:"), f"{name} opens {port} to the network")
        expect(service["read_only"] and service["cap_drop"] == ["ALL"], f"{name} may too much")
        expect("build" in service or re.search(r":v?\d", service["image"]), f"{name} has no fixed version")
    [scrape] = documents(PACKAGING / "prometheus/prometheus.yml")[0]["scrape_configs"]
    expect(scrape["static_configs"][0]["targets"] == ["proxy:11435"], "Prometheus asks elsewhere")
    ignored = (PACKAGING / "compose/.gitignore").read_text()
    expect(all(secret in ignored for secret in ("/.env", "/providers.env", "/secrets/")), "a secret could be committed")


def forwarding():
    """Tunnel and reverse proxies let the whole API through, and neither the log page nor the figures."""
    routes = (REPOSITORY / "codex-openai-proxy/src/http/routes.rs").read_text()
    table = routes.split("const TABLE", 1)[1].split("];", 1)[0]
    paths = {re.sub(r"\{\*?id\}", "x", path) for path in re.findall(r'"(/[^"]*)"', table)}
    expect(len(paths) > 20, f"only {len(paths)} routes were found in routes.rs")
    [tunnel] = documents(PACKAGING / "cloudflared/config.yml")
    by_cloudflared = re.compile(tunnel["ingress"][0]["path"])
    nginx = (PACKAGING / "reverse-proxy/nginx.conf").read_text()
    by_nginx = re.compile(re.search(r"location ~ (\S+) \{", nginx)[1])
    caddy = (PACKAGING / "reverse-proxy/Caddyfile").read_text()
    by_caddy = re.search(r"@api path (.*)", caddy)[1].split()
    for path in sorted(paths):
        wanted = path in LET_THROUGH or not path.startswith(AT_HOME)
        for name, lets in (
            ("cloudflared", by_cloudflared.search(path)),
            ("nginx", by_nginx.search(path)),
            ("caddy", any(fnmatch.fnmatchcase(path, pattern) for pattern in by_caddy)),
        ):
            expect(bool(lets) == wanted, f"{name} {'holds' if wanted else 'lets'} {path} {'back' if wanted else 'through'}")


def figures():
    """A running proxy is asked as containers and Prometheus ask it; the alerts are about figures that it has."""
    # A provider at a port where nobody listens, so that there are figures of providers.
    env = {"PROXY_API_KEY": KEY, "UPSTREAM_BASE_URL": "http://127.0.0.1:9/v1", "UPSTREAM_RETRIES": "0"}
    with proxy.running(BINARY, env=env) as url:
        health = run(BINARY, "health", "--url", url, "--live")
        expect(health.returncode == 0, f"health of a proxy that lives: {health.stderr}")
        bearer = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        body = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'
        try:
            urllib.request.urlopen(urllib.request.Request(f"{url}/v1/chat/completions", body, bearer))
        except urllib.error.HTTPError as error:
            expect(error.code == 502, f"a provider that does not answer: {error.code}")
        # The form in which a counter is described by the name that it has in expressions.
        plain = {**bearer, "Accept": "text/plain; version=0.0.4"}
        with urllib.request.urlopen(urllib.request.Request(f"{url}/metrics", headers=plain)) as reply:
            text = reply.read().decode()
    health = run(BINARY, "health", "--url", url, "--live")
    expect(health.returncode == 1, f"health of a proxy that is gone: {health.returncode}")

    done = run("promtool", "check", "metrics", text=text)
    # 3 is for names that it would write differently.
    expect(done.returncode in (0, 3), f"promtool on /metrics: {done.stdout}{done.stderr}")
    there = set(re.findall(r"^# TYPE (\S+)", text, flags=re.M))
    there |= {f"{name}_bucket" for name in there} | UNSEEN_FIGURES
    word = r"\b((?:codex_proxy|process)_\w+)\b(?!:)"
    rules = (PACKAGING / "prometheus/rules.yml").read_text()
    docs = (REPOSITORY / "docs/deployment.md").read_text()
    for name, text in (("rules.yml", rules), ("deployment.md", docs)):
        for figure in sorted(set(re.findall(word, text)) - there):
            expect(False, f"{name} speaks of {figure}, which /metrics does not have")
    for figure in sorted(f for f in there if f.startswith("codex_proxy_") and not f.endswith("_bucket")):
        expect(figure in docs, f"deployment.md does not tell of {figure}")


def documentation():
    """docs/deployment.md: its links lead somewhere, and it tells of every alert."""
    docs = (REPOSITORY / "docs/deployment.md").read_text()
    anchors = {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in re.findall(r"^#+ (.*)", docs, flags=re.M)}
    for target in re.findall(r"\]\(([^)]+)\)", docs):
        file, _, anchor = target.partition("#")
        if target.startswith("http"):
            continue
        expect((REPOSITORY / "docs" / file).exists(), f"deployment.md links to {target}, which is not there")
        expect(file or anchor in anchors, f"deployment.md has no part {anchor}")
    [group] = documents(PACKAGING / "prometheus/rules.yml")[0]["groups"]
    tests = (PACKAGING / "prometheus/rules.test.yml").read_text()
    for alert in (rule["alert"] for rule in group["rules"] if "alert" in rule):
        expect(f"`{alert}`" in docs, f"deployment.md does not tell of the alert {alert}")
        expect(f"alertname: {alert}" in tests, f"the alert {alert} has no test")


CHECKS = (docker_context, docker_image, configurations, numbers, package, kubernetes, compose, forwarding, figures, documentation)
for check in CHECKS:
    print(f"-- {check.__doc__.splitlines()[0]}")
    check()
if mistakes:
    sys.exit(f"{len(mistakes)} mistakes in packaging")
