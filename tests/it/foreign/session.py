# A session of Python's `varlink` on the control socket: what an admin's own program would do. Prints what it was told.
import sys

import varlink

with varlink.Client.new_with_address("unix:" + sys.argv[1]) as client:
    print("interfaces:", *client.get_interfaces())
    # The description is read by another parser than ours.
    interface = client.get_interface("io.chatd.Control")
    print("methods:", sum(1 for it in interface.members.values() if type(it).__name__ == "_Method"))
    with client.open("io.chatd.Control", namespaced=True) as chatd:
        status = chatd.Status()
        print("state:", status.state, status.users)
        print("made:", chatd.CreateRoom(name="tea", topic="green\x1b[2J").name)
        print("names:", *chatd.ListNames(kind="rooms", prefix="T").names)
        print("room:", *[repr(it.topic) for it in chatd.ListRooms().rooms if it.name == "tea"])
        for call in [
            lambda: chatd.Kick(user="anan"),
            lambda: chatd.AddUser(name="a b", password="x"),
            lambda: chatd.Check(),
        ]:
            try:
                call()
            except varlink.VarlinkError as error:
                said = error.as_dict()
                print("error:", said["error"], said.get("parameters", {}).get("message", ""))
        names = [user.name for part in chatd.ExportUsers(_more=True) for user in part.users]
        print("stream:", *names)
        # The connection is as good as before after all of these.
        print("after:", chatd.GetVersion().protocol)

for _ in range(20):
    # Read a little of it and go.
    with varlink.Client.new_with_address("unix:" + sys.argv[1]) as client:
        with client.open("io.chatd.Control") as chatd:
            stream = chatd.FollowLog(lines=1, _more=True)
            next(stream)
print("gone")
