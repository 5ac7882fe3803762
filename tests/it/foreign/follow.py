# Follows a stream of the control socket with Python's `varlink` until it ends, and tells how.
import sys

import varlink

address, method, parameters = sys.argv[1], sys.argv[2], {}
if method == "FollowLog":
    parameters = {"lines": 1}
with varlink.Client.new_with_address("unix:" + address) as client:
    with client.open("io.chatd.Control") as chatd:
        try:
            for part in getattr(chatd, method)(_more=True, **parameters):
                print("part", flush=True)
            print("the end")
        except varlink.VarlinkError as error:
            print("error:", error.as_dict()["error"])
        except ConnectionError as error:
            print("cut off:", type(error).__name__)
