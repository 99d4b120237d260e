-- SPDX-License-Identifier: MIT
---@meta

-- Probes: `netns.probe`. One packet with a mark that nothing else has leaves the sender, and the receiver's stack is asked, behind its
-- input hooks, whether it saw that very packet: a raw socket (raw(7)) sees the mark in an echo request or a datagram, and in the sequence
-- number of a SYN.

---What is asked.
---@class netns.probe.Spec
---@field from netns.ns the sender; a lab's node too
---@field to netns.ns|string the receiver, or an address: then nobody can look at the receiving side, and silence is `inconclusive`
---@field proto? "icmp"|"tcp"|"udp" "icmp" when there is no port either
---@field port? integer 1 to 65535; required but for icmp, which has none
---@field family? "inet"|"inet6" else that of `addr`, or the first of the two in which the receiver has a global address
---@field addr? string which of the receiver's addresses; "fe80::1%eth0" with the sender's link. Else the nearest global one
---@field listen? boolean open a listener on the address if nobody has the port; without it a closed port is `refused`
---@field timeout? number|string seconds; else until silence is certain
---@field size? integer bytes of the IP packet, 64 to 9216, of icmp and udp; it is not fragmented (ip(7), IP_PMTUDISC_PROBE), and a short one goes beside it. Without it as short as can be
---@field [string] netns.NoSuchField

---@class netns.probe.Options
---@field settle? number|string seconds that silence must last before it is believed: 1.25, longer than Linux holds back an ICMP error; less where no rate limit is (icmp(7), icmp_ratelimit)
---@field [string] netns.NoSuchField

---What it means. Only `dropped` `rejected` `no_route` `prohibited` `blackhole` `no_neighbour` `link_down` `local_denied` are isolation;
---`inconclusive` never is.
---@alias netns.Verdict.Name
---| "open" # delivered and answered
---| "refused" # the target itself said no: the port is closed
---| "one_way" # delivered, but no answer came back
---| "rejected" # an ICMP error or a reset, and not delivered
---| "dropped" # sent, not delivered, silent
---| "no_route" # the sender has no route
---| "prohibited" # a route of the sender's says so
---| "blackhole" # likewise
---| "no_neighbour" # nobody answers for the next hop (ARP, neighbour discovery)
---| "link_down" # the sender's link is down, or has no carrier
---| "local_denied" # the sender's own firewall
---| "inconclusive" # a control failed, the probe broke, or nobody could look

---@class netns.Verdict
---@field verdict netns.Verdict.Name
---@field delivered? boolean did the receiver's stack see this probe? nil: nobody looked
---@field answered boolean
---@field by? string the address that refused or rejected it
---@field icmp? netns.probe.Icmp the error that came back
---@field rtt? number seconds until the answer
---@field listener? "own"|"service" of `open` and others, tcp and udp: who has the port
---@field short? netns.Verdict.Name of a packet with a `size` that was stopped while a short one was delivered: it was for its length
---@field why string a sentence that can be checked against the observation
---@field observation netns.probe.Observation

---An ICMP or ICMPv6 error (RFC 792, RFC 4443; include/uapi/linux/icmp.h, icmpv6.h).
---@class netns.probe.Icmp
---@field type integer
---@field code integer
---@field name string "port-unreachable", "admin-prohibited", "host-unreachable", "ttl-exceeded" ...
---@field from string who sent it
---@field own boolean the sender's own stack did

---What was seen; what was not seen is left out. Times count from the start of the call, in seconds.
---@class netns.probe.Observation
---@field sent boolean
---@field errno? string the sender's kernel refused it: "ENETUNREACH"
---@field broken? netns.probe.Broken so nothing was asked
---@field unasked? string a sentence: so nothing was asked
---@field late_errno? string what connect(2) ended with, where no packet explains it
---@field delivered? boolean
---@field icmp? netns.probe.Icmp
---@field reply? netns.probe.Reply
---@field rtt? number seconds
---@field times? netns.probe.Times
---@field path? netns.probe.Path
---@field controls? netns.probe.Controls
---@field down? string the sender's link that is down and by which it would have left: that with the target's network, in a lab the one by which the description leads there, or any when all are down
---@field listener? "own"|"service"
---@field closed? boolean nobody had the port when the probe began
---@field listener_errno? string why no listener could be opened
---@field crowded? boolean the kernel's neighbour table, which all namespaces share, was full meanwhile, so that packets may have been lost
---@field withheld? boolean the receiver counted an ICMP error for it, which its rate limit held back
---@field cut? "limited"|"neighbour" why the watch ended before silence was certain
---@field resent? integer how often it was sent again
---@field watched? number seconds since it was first sent

---@class netns.probe.Broken
---@field step string
---@field errno string

---@class netns.probe.Reply
---@field kind "echo"|"syn-ack"|"reset"|"data"
---@field from string the address that it came from
---@field exact boolean it carried the mark

---@class netns.probe.Times
---@field sent? number
---@field delivered? number
---@field answered? number
---@field ended number

---The sender's first step, as its kernel sees it when the probe ends.
---@class netns.probe.Path
---@field errno? string why there is no route
---@field type? string of the route: "unicast", "local", "blackhole" ... (ip-route(8))
---@field dev? string the link that it leaves by
---@field up? boolean
---@field carrier? boolean
---@field via? string the neighbour: the gateway, else the target
---@field neighbour? "none"|"incomplete"|"reachable"|"stale"|"delay"|"probe"|"failed"|"noarp"|"permanent" ip-neighbour(8)

---@class netns.probe.Controls
---@field observer boolean the observer lost nothing
---@field address? boolean the receiver has the address

---@class netns
local netns = {}

---Probe, from one namespace to another or to an address. An array of specs is in flight at once and gives an array of verdicts in its
---order. Nothing is changed in the namespaces but what a packet changes (neighbours, counters) and the listener, while the call lasts.
---@overload fun(specs: netns.probe.Spec[], options?: netns.probe.Options): netns.Verdict[]
---@param spec netns.probe.Spec
---@param options? netns.probe.Options
---@return netns.Verdict
function netns.probe(spec, options) end
