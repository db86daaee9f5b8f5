[ -e "$FOLDER/../server.pid" ] || exit 0
kill "$(cat "$FOLDER/../server.pid")" 2>/dev/null
rm -f "$FOLDER/../server.pid"
