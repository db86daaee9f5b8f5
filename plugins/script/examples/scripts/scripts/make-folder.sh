#!/bin/sh
set -eu
mkdir -p "$FOLDER"
