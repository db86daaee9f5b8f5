# Makes two images of the machine's own Busybox, localhost/kit:1 and localhost/kit:2; nothing is fetched.
set -eu
root=$(mktemp --directory)
mkdir "$root/bin" "$root/etc" "$root/tmp"
cp "$(command -v busybox)" "$root/bin/busybox"
for name in sh sleep true; do ln -s busybox "$root/bin/$name"; done
echo root:x:0:0:root:/:/bin/sh >"$root/etc/passwd"
echo root:x:0: >"$root/etc/group"
tar --create --directory="$root" . | podman import --quiet --change ENV=PATH=/bin - localhost/kit:1
tar --create --directory="$root" . | podman import --quiet --change ENV=PATH=/bin --change WORKDIR=/tmp - localhost/kit:2
rm -r "$root"
podman tag localhost/kit:1 localhost/kit:first
podman run --rm localhost/kit:1 true # what Podman makes on a machine at its first container is there from now on
