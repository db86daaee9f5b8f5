mkdir -p /tmp/kit-scripts
echo "$TEXT" >"/tmp/kit-scripts/$KHUTULUN_SERVICE"
