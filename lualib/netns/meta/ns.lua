-- SPDX-License-Identifier: MIT
---@meta

-- A namespace's handle. It owns a descriptor of nsfs (namespaces(7)); which namespace that is tells its inode, so two handles of one
-- namespace are equal (`==`). `tostring` gives `netns.ns (NAME or INODE)`, and `netns.ns (closed)`.

---@class netns.ns
---@field inode integer its identity: the number in `net:[4026532730]` (readlink /proc/PID/ns/net)
---@field name? string the name that it was added, opened or last attached by
---@field link netns.Link
---@field addr netns.Addr
---@field route netns.Route
---@field sysctl netns.Sysctl
---@field rule netns.Rule
---@field neigh netns.Neigh
---@field fdb netns.Fdb
---@field qdisc netns.Qdisc
---@field class netns.Class
---@field filter netns.Filter
---@field vlan netns.Vlan
---@field ntable netns.Ntable
---@field nft netns.nft raises EOPNOTSUPP without libnftables
local ns = {}

---Run a function with the thread inside and return its results. The thread is back whatever happens; an error goes on as it is. A socket
---opened inside stays in that namespace for good. A yield inside is an error. Raises EPERM in a program without privilege that nslua does
---not run: setns(2) into a child's user namespace is not possible there.
---@param f function
---@param ... any its arguments
---@return any ...
function ns:call(f, ...) end

---The processes that are in it, as far as /proc shows them (`ip netns pids`).
---@return integer[]
function ns:pids() end

---Hear from now on what changes in it. Raises EINVAL for what is no object, EMFILE.
---@param spec? netns.monitor.Spec
---@return netns.Monitor
function ns:monitor(spec) end

---The sockets in it, of all processes: TCP, UDP, raw, AF_UNIX, packet, in this order. A socket belongs to the namespace in which it was
---opened, wherever its process is. Raises EPROTONOSUPPORT where the kernel does not tell of a kind (its config lacks CONFIG_INET_DIAG,
---CONFIG_INET_UDP_DIAG or CONFIG_UNIX_DIAG); naming another as `proto` works then.
---@param filter? netns.socket.Filter|netns.Exact `{ proto = "tcp", state = "listening" }`
---@return netns.Socket[]
function ns:sockets(filter) end

---Record what crosses its links. Raises EINVAL for a filter that libpcap does not understand, ENOPKG for any where it is not installed,
---ENODEV, and what the file says; then nothing was done, and no file touched.
---@param spec netns.capture.Options
---@return netns.Capture
function ns:capture(spec) end

---Give it a name, or one more (`ip netns attach`); `name` is then that. Raises EEXIST.
---@param name string as for `netns.add`
function ns:attach(name) end

---Give up the handle; a namespace that nobody else holds is gone soon after (the kernel frees it in the background). Again is nothing.
---Also `<close>`, and when it is collected. What is asked of it afterwards raises EBADF.
function ns:close() end

---Remove `name`, if it has one, and give up the handle. Raises ENOENT when the name is gone.
function ns:delete() end

return ns
