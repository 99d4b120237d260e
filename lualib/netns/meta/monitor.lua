-- SPDX-License-Identifier: MIT
---@meta

-- What the kernel tells by itself when something changes, as `ip monitor` shows it (ip-monitor(8), rtnetlink(7)). Events stand in the
-- order in which the kernel told them, from the moment on in which the monitor was made.

---`monitor()` is the next event, however long that takes, so `for event in monitor do` goes on until it is left. It is pollable (netns.wait,
---cqueues). It holds the namespace until it is closed; also `<close>`, and when it is collected. It belongs to the process that made it:
---ECHILD in a copy that fork(2) made.
---@class netns.Monitor
---@overload fun(): netns.monitor.Event
local monitor = {}

---@alias netns.monitor.Object "link"|"addr"|"route"|"rule"|"neigh"|"fdb"|"qdisc"|"class"|"nsid"

---The array part names the objects to be told of; without any, all. Routes are told of in all tables, entries of nsid have a field `nsid`:
---the id under which this namespace knows another (ip-netns(8)).
---@class netns.monitor.Spec
---@field [integer] netns.monitor.Object
---@field rcvbuf? integer bytes of events that the kernel keeps until they are read; 4194304 unless told otherwise, and no more than net.core.rmem_max (sysctl(8)) without the privilege to pass that
---@field [string] netns.NoSuchField

---@class netns.monitor.Event
---@field action "new"|"delete"|"lost" made or changed, which the kernel does not tell apart; gone; or events were lost, since they were not read in time: ask for the state itself then (`list`). All that is read afterwards is newer than the loss
---@field object? netns.monitor.Object of "new" and "delete"
---@field entry? table likewise: as `list` of that collection has it. A link is named as it was then

---The next event. Raises EBADF when it is closed.
---@param timeout? number|string seconds; 0 does not block; without it, for ever
---@return netns.monitor.Event? event nil when the time ran out
---@return "timeout"? why
function monitor:read(timeout) end

---Its descriptor, for poll(2). That it is readable does not mean that there is an event which was asked for.
---@return integer
function monitor:pollfd() end

---@return "r"
function monitor:events() end

---0 while there are events that were received and not read yet, which the descriptor says nothing of.
---@return 0?
function monitor:timeout() end

---Again is nothing.
function monitor:close() end

return monitor
