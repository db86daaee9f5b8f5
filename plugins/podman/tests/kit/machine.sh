# Makes a test machine ready for Podman, as far as it is nested in another; the test bed runs this before the kit.
set -eu
settings=/etc/containers/containers.conf.d/90-test.conf
mkdir -p "${settings%/*}"
echo '[containers]' >"$settings"
echo 'default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]' >>"$settings"
if [ -d /run/systemd/system ]; then exit; fi
cat >>"$settings" <<'END'
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "netavark"
END
mkdir -p /var/lib/containers
mount -t tmpfs -o mode=755 tmpfs /var/lib/containers
rm -rf /etc/cni/net.d
