#!/usr/bin/env bash
# Makes a Debian package, and a tar archive of the same files for other systems, of a built binary:
#
#   cargo build --profile dist --locked
#   packaging/package.sh target/dist/codex-openai-proxy target/package
#
# The man page, the completions and the annotated config.toml are what the binary itself prints, so it
# has to run on this machine. Two runs over the same sources give the same bytes.
set -euo pipefail

usage() {
  echo "usage: $0 BINARY FOLDER" >&2
  exit 2
}
[ $# = 2 ] || usage
binary=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

name=codex-openai-proxy
version=$("$binary" --version | cut -d' ' -f2)
architecture=$(dpkg --print-architecture)
# The time of the last change, for files whose time does not matter.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root="$work/root"

# What the binary prints must depend on nothing of the machine that it is run on.
ask() {
  env -i PATH="$PATH" HOME="$work/nobody" "$binary" "$@"
}

# file MODE PATH: standard input becomes a file of the package.
file() {
  mkdir -p "$(dirname "$root/$2")"
  cat >"$root/$2"
  chmod "$1" "$root/$2"
}

share=usr/share
doc=$share/doc/$name
file 755 usr/bin/$name <"$binary"
file 644 usr/lib/systemd/system/$name.service <packaging/systemd/$name.service
file 644 usr/lib/systemd/user/$name.service <packaging/systemd/$name-user.service
file 644 usr/lib/sysusers.d/$name.conf <packaging/systemd/sysusers.conf
ask config example | file 644 etc/$name/config.toml
ask man | gzip -9n | file 644 $share/man/man1/$name.1.gz
ask completions bash | file 644 $share/bash-completion/completions/$name
ask completions zsh | file 644 $share/zsh/vendor-completions/_$name
ask completions fish | file 644 $share/fish/vendor_completions.d/$name.fish
for page in README.md docs/*.md; do
  file 644 "$doc/${page#docs/}" <"$page"
done
for example in packaging/{prometheus,cloudflared,reverse-proxy}/*; do
  file 644 "$doc/examples/${example#packaging/}" <"$example"
done
file 644 $doc/copyright <LICENSE
find "$root" -type d -exec chmod 755 {} +
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

archive="$out/$name-$version-linux-$architecture.tar.gz"
tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
  --directory "$root" . | gzip -n >"$archive"
echo "$archive"

# Which packages have the libraries that it is linked with.
mkdir -p "$work/source/debian"
printf 'Source: %s\n\nPackage: %s\nArchitecture: any\n' $name $name >"$work/source/debian/control"
libraries=$(cd "$work/source" && dpkg-shlibdeps -O "$root/usr/bin/$name" 2>/dev/null |
  sed -n 's/^shlibs:Depends=//p')

mkdir "$root/DEBIAN"
for script in postinst prerm postrm; do
  file 755 DEBIAN/$script <packaging/debian/$script
done
echo /etc/$name/config.toml | file 644 DEBIAN/conffiles
size=$(du --summarize --apparent-size --block-size=1024 --exclude=DEBIAN "$root" | cut -f1)
file 644 DEBIAN/control <<CONTROL
Package: $name
Version: $version
Architecture: $architecture
Section: net
Priority: optional
Maintainer: The authors of codex-openai-proxy <noreply@example.com>
Installed-Size: $size
Depends: $libraries, ca-certificates, systemd
Description: OpenAI-compatible API in front of Codex
 Clients send OpenAI requests; each becomes a read-only turn of a Codex thread,
 run inside this process with your own Codex login. Other OpenAI-compatible
 providers can stand beside Codex.
CONTROL
package="$out/${name}_${version}_$architecture.deb"
dpkg-deb --root-owner-group -Zzstd -z9 --build "$root" "$package" >/dev/null
echo "$package"
