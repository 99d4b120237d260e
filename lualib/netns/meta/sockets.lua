-- SPDX-License-Identifier: MIT
---@meta

-- What sockets there are in a namespace, as `ss -a` shows it (ss(8), sock_diag(7)).

---A filter is a table of the same fields, which must all fit; a field that a kind of socket does not have fits none of that kind.
---@class netns.socket.Filter
---@field proto? "tcp"|"udp"|"raw"|"unix"|"packet"
---@field family? "inet"|"inet6"|"unix"|"packet"
---@field type? "stream"|"dgram"|"raw"|"seqpacket"|"packet" of unix and packet
---@field state? "established"|"syn-sent"|"syn-recv"|"fin-wait-1"|"fin-wait-2"|"time-wait"|"unconnected"|"close-wait"|"last-ack"|"listening"|"closing" not of packet; of udp and raw "established" or "unconnected"
---@field src? string its own address; "0.0.0.0" or "::" for any
---@field sport? integer of tcp and udp
---@field dst? string where it is connected to
---@field dport? integer likewise
---@field protocol? integer of raw: the number in the IP header; of packet: the EtherType, 3 for all (ETH_P_ALL)
---@field dev? string the link that it is bound to
---@field path? string of unix: the file, or "@" and a name that is no file's, which may be any bytes
---@field peer? integer of unix: the inode of the other end
---@field recv_q? integer bytes that wait to be read; while listening: connections that wait to be accepted
---@field send_q? integer bytes that are not acknowledged; while listening: the most that may wait
---@field uid? integer of the user who opened it
---@field inode? integer the number in `socket:[39570847]` (readlink /proc/PID/fd/N); 0 when no process has it any more
---@field v6only? boolean of family inet6: it takes no IPv4

---A socket: what is always there.
---@class netns.Socket : netns.socket.Filter
---@field proto "tcp"|"udp"|"raw"|"unix"|"packet"
---@field family "inet"|"inet6"|"unix"|"packet"
---@field inode integer the number in `socket:[39570847]`
