"""What of Khutulun and its workloads is still on a machine after it should all be gone."""

from testbed import machine

# One line for each thing found. Processes that ended but were not collected yet do not count.
SEARCH = r"""
for home in /root /home/*; do
    for folder in .config .local/share .local/state .config/systemd/user .local/share/systemd/user; do
        ls -d "$home/$folder"/khutulun* 2>/dev/null
    done
done
ls -d /etc/khutulun* /var/lib/khutulun* /run/khutulun* /run/user/*/khutulun* /tmp/khutulun* 2>/dev/null
ls -d /etc/systemd/system/*khutulun* /run/systemd/system/*khutulun* /run/systemd/transient/*khutulun* 2>/dev/null
ls -d /etc/systemd/system/*/*khutulun* /run/user/*/systemd/*/*khutulun* 2>/dev/null
if [ -d /run/systemd/system ]; then
    systemctl list-units --all --plain --no-legend 'khutulun*' | sed 's/^/unit /'
    for runtime in /run/user/*/bus; do
        [ -S "$runtime" ] || continue
        uid=$(basename "$(dirname "$runtime")")
        setpriv --reuid="$uid" --clear-groups env XDG_RUNTIME_DIR="/run/user/$uid" \
            systemctl --user list-units --all --plain --no-legend 'khutulun*' | sed 's/^/user unit /'
    done
fi
ps -eo stat=,pid=,args= | grep -v '^Z' | grep -E '(^| |/)(khutulun|floria|puccini)[a-z.-]*( |$)' | sed 's/^/process /'
exit 0
"""


def find(searched: machine.Machine) -> list[str]:
    """Return files, units and processes named after Khutulun, each as one line; nothing when the machine is clean."""
    return searched.run(["sh", "-c", SEARCH]).stdout.splitlines()
