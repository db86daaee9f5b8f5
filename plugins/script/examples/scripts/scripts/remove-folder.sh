#!/bin/sh
set -eu
rm -f "$FOLDER/visits"
if [ -d "$FOLDER" ]; then rmdir "$FOLDER"; fi
