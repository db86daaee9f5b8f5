#!/bin/sh
set -eu
rm -f "$FOLDER/orders" "$FOLDER/closed"
rmdir "$FOLDER"
