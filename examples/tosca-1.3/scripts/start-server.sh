cd "$FOLDER"
if [ -e ../server.pid ] && kill -0 "$(cat ../server.pid)" 2>/dev/null; then exit 0; fi
setsid python3 -m http.server --bind "$ADDRESS" "$PORT" >/dev/null 2>&1 </dev/null &
echo $! > ../server.pid
for attempt in $(seq 50); do
    python3 -c "import socket; socket.create_connection(('$ADDRESS', $PORT)).close()" 2>/dev/null && exit 0
    sleep 0.1
done
exit 1
