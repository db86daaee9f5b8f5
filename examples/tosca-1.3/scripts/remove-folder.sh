rm -rf "$FOLDER"
rmdir --ignore-fail-on-non-empty "$(dirname "$FOLDER")" || true
