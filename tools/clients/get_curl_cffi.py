"""Asks for a page with BoringSSL and the hello of a Chrome: get_curl_cffi.py NAME PORT CA PATH [PROFILE]."""
import sys

from curl_cffi import CurlOpt, requests

name, port, ca, path = sys.argv[1:5]
profile = sys.argv[5] if len(sys.argv) > 5 else "chrome"
options = {CurlOpt.RESOLVE: [f"{name}:{port}:127.0.0.1"]}
session = requests.Session(impersonate=profile, verify=ca, curl_options=options, timeout=30, trust_env=False)
print(session.get(f"https://{name}:{port}{path}").text)
