#!/bin/sh
# Gives a number that is another one each time.
count=$(($(cat /tmp/khutulun-real.load 2>/dev/null || echo 0) + 1))
echo "$count" > /tmp/khutulun-real.load
echo "{\"load\": $count}"
