mkdir -p "$FOLDER"
