#!/bin/sh
set -eu
rm -f "$FOLDER/index.html"
