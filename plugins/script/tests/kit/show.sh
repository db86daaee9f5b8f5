echo "$TEXT" >"/tmp/kit-scripts/$KHUTULUN_SERVICE"
ln -sfn "$KHUTULUN_SERVICE" "/tmp/kit-scripts/$KHUTULUN_SERVICE.shown"
