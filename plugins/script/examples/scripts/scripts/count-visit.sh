#!/bin/sh
# The event itself is on standard input, as JSON.
set -eu
echo "$KHUTULUN_SERVICE/$KHUTULUN_NODE was visited" >> "$FOLDER/visits"
