-- SPDX-License-Identifier: MIT
---@meta

-- A namespace's settings: `ns.sysctl`, the files below /proc/sys/net as they are inside. What each means is told in
-- linux/Documentation/networking/ip-sysctl.rst and linux/Documentation/admin-guide/sysctl/net.rst; sysctl(8), proc_sys(5).
--
--     ns.sysctl["net.ipv4.ip_forward"] = 1
--     print(ns.sysctl["net.ipv4.ip_forward"])
--
-- They are there as long as what they belong to (the namespace, an interface, a kernel module), so of the verbs only `set`, `get` and
-- `list` have a meaning, and the names of those three are no keys.

---A setting's name, in either spelling of sysctl(8). The first separator in it, dot or slash, is the one; the other is then part of a
---name: the interface eth0.100 is in "net/ipv4/conf/eth0.100/forwarding" and in "net.ipv4.conf.eth0/100.forwarding". All begin with
---"net": what is not below it belongs to the machine, or to another kind of namespace, and is refused (EINVAL, `attr` "key"), as are
---empty parts, "." and "..", NUL, and more than 512 bytes.
---@alias netns.sysctl.Key string

---What is written: a whole number or a string without NUL (EINVAL, `attr` "value"; true is not 1). What is read: an integer if the kernel
---shows one as Lua would print it, else the text without its newline. Several numbers are one string with tabs between them,
---"4096\t131072\t6291456"; any blanks will do when it is written.
---@alias netns.sysctl.Value integer|string

---`ns.sysctl`: the settings of one namespace. It can be indexed, assigned to and walked with `pairs` (which is `list()`).
---Reading what is not there gives nil, assigning to it raises ENOENT.
---@class netns.Sysctl
---@field [netns.sysctl.Key] netns.sysctl.Value
local sysctl = {}

---Set many, in one visit to the namespace. In a table what is general comes first, whatever the order in which it was written: the fewer
---parts a key has the earlier, and conf/all before conf/default before interfaces, since writing net.ipv4.ip_forward or conf/all changes
---others. An array of tables is set in its own order. It stops at the first refusal, which `err.subject` (the key) and `err.index` name;
---what comes before is set. Raises ENOENT, EINVAL (a value that the kernel does not take), EACCES. A key that cannot be written but has
---the value is no error, so what was listed can be set. What the kernel takes only in part (a second word, more than a page)
---raises EINVAL, though that part is set; a few settings take a part and do not tell.
---@param spec table<netns.sysctl.Key, netns.sysctl.Value>|table<netns.sysctl.Key, netns.sysctl.Value>[]
function sysctl:set(spec) end

---The value of one key, nil when there is no such key; of an array of keys, those that are there as a table. Raises EACCES for what can
---only be written, EISDIR for what has settings below it, EIO for what has no value until it is set (stable_secret).
---@overload fun(self: netns.Sysctl, keys: netns.sysctl.Key[]): table<netns.sysctl.Key, netns.sysctl.Value>
---@param key netns.sysctl.Key
---@return netns.sysctl.Value?
function sysctl:get(key) end

---All that can be read, or what is `key` and below: "net.ipv4.conf.eth0". Keys have dots, as sysctl(8) prints them.
---@param key? netns.sysctl.Key
---@return table<netns.sysctl.Key, netns.sysctl.Value> found empty where there is nothing
function sysctl:list(key) end

return sysctl
