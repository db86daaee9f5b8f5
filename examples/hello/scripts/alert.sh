#!/bin/sh
# Runs when the web server fails. What it prints is kept with the event: see `khutulun service events hello`.
set -eu

when=$(date '+%Y-%m-%d %H:%M:%S')
echo "$when $KHUTULUN_SERVICE/$KHUTULUN_NODE: $KHUTULUN_EVENT"
