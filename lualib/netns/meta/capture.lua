-- SPDX-License-Identifier: MIT
---@meta

-- What crosses the links of a namespace, as tcpdump records it (packet(7)): an incoming frame before any hook of the firewall sees it, an
-- outgoing one behind all of them. The file is one that tcpdump and Wireshark read (pcap-savefile(5)), with times in nanoseconds.

---Frames wait in memory that the kernel fills, until `flush`, `stop` or the end: nothing is at work in between. It is pollable: ready
---when a block of 128 KiB is full. It holds the namespace until it is closed; also `<close>`, and when it is collected.
---@class netns.Capture
local capture = {}

---@class netns.capture.Options
---@field file string path; what was there is replaced
---@field dev? string one link; all, those that come later too, unless told otherwise. Frames of all links, and of one without an Ethernet header, begin with the made-up header LINUX_SLL2, which says which link it was
---@field filter? string in tcpdump's language, pcap-filter(7): "tcp port 80 and host 10.0.0.1". It needs libpcap, which is loaded for it; numbers only, if no name server is to be asked
---@field snaplen? integer bytes of each frame that the file gets, 1 to 262144; all unless told otherwise
---@field buffer? integer bytes of memory for frames that wait, 256 KiB to 1 GiB; 8 MiB unless told otherwise
---@field [string] netns.NoSuchField

---@class netns.capture.Counts
---@field packets integer that were written
---@field filtered integer that the filter did not let through
---@field dropped integer for which there was no room in memory

---Write what has come so far. Raises what the file says: ENOSPC.
---@return netns.capture.Counts
function capture:flush() end

---End it, with all that has come by now in the file. Again tells the counts again.
---@return netns.capture.Counts
function capture:stop() end

---Likewise, without a word: what the file says is not heard.
function capture:close() end

---Its descriptor, for poll(2).
---@return integer
function capture:pollfd() end

---@return "r"
function capture:events() end

return capture
