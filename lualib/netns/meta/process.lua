-- SPDX-License-Identifier: MIT
---@meta

-- Processes: `ns:spawn`, `ns:exec`.

---What to run: the program and its arguments in the array part, strings or whole numbers; no shell is involved. A program without "/"
---is looked for in PATH (that of `env`, if it sets one), then in /usr/local/sbin, /usr/sbin and /sbin.
---@class netns.process.Spec
---@field [integer] string|integer
---@field stdin? string|true|file* its content, of any size; `true`: a pipe for `:write`; a file. Otherwise /dev/null
---@field stdout? "capture"|"inherit"|"null"|file* `exec` captures, `spawn` inherits unless told otherwise
---@field stderr? "capture"|"inherit"|"null"|"stdout"|file* likewise; "stdout": where stdout goes
---@field pty? boolean|netns.process.Terminal a pseudo terminal as its stdin, stdout and stderr, and as the controlling terminal of its session; pty(7). What it writes is captured as stdout, lines end in "\r\n"; `:write` types. `exec` types the end of input, and nothing else
---@field env? table<string, string|integer|false> put into our environment; `false` takes the variable out
---@field cwd? string working directory; ours if not given
---@field timeout? number|string seconds until it and all that descends from it is killed
---@field check? boolean `exec` only; `false`: return the result whatever it is
---@field user? integer|string who it runs as: 1000, "name", "user:group". Alone, with the user's groups of /etc/passwd and /etc/group (a number that they do not have: the group of the same number); with a group, that one and no other. It keeps no capabilities but `caps`. EPERM, EINVAL: the user namespace does not have that user, as the sandbox of an ordinary user has root alone
---@field unshare? "all"|netns.process.Kind[] a container of its own: what it does not share with us. It is in a session of its own, so it cannot type into our terminal, and has a session keyring of its own. ENOSPC: a limit of sysctl user is reached; EPERM: we may not, but with "user" everybody may
---@field hostname? string its host name: letters, digits, "." and "-", 64 at most. Brings "uts"
---@field root? string|netns.process.Overlay what it sees as /: a directory, to which it writes; or "overlay", our own root, on which it writes into memory, and nobody else sees that. With a /dev (null, zero, full, random, urandom, tty, pts, shm), /tmp and /run of its own, a /sys to read, and /proc; brings "mount". File systems mounted in an overlay's directory are there, too; those that the kernel lets nobody cover are read-only, as are then the files beside them. Without `cwd` it starts where we are, or in / where it does not have that. Names in `user` are ours. ENOENT, ENOTDIR, EACCES as for any path; ELOOP: a symbolic link in the directory stands where something is to be mounted
---@field readonly? string[]|false paths that it cannot write to, with all that is mounted in them; "/": the root's own file system alone. With `root` also what container runtimes protect (/proc/sys, /proc/bus, /proc/fs, /proc/irq, /proc/sysrq-trigger), unless `false`. Brings "mount". ENOENT names a path that is not there
---@field masked? string[]|false paths that are empty. With `root` also what container runtimes hide (/proc/kcore, /proc/keys, /sys/firmware ...), unless `false`. Brings "mount". ENOENT names a path that is not there
---@field limits? netns.process.Limits setrlimit(2); bytes, seconds, or how many. EPERM: only CAP_SYS_RESOURCE on the machine itself raises a hard limit
---@field caps? string[] capabilities(7) that it has, "net_admin" or "CAP_NET_ADMIN", and no others, in its permitted, effective, inheritable, bounding and ambient set; {}: none. EPERM: we have not got them ourselves
---@field seccomp? "default"|string[] system calls that it cannot make, by name; syscalls(2). They fail with EPERM. "default" denies what makes and enters namespaces and mounts, bpf, io_uring, keys, perf, userfaultfd, ptrace and the like, kernel modules, kexec, the clock, the kernel's log; sockets of AF_VSOCK; and to type into a terminal. Brings `no_new_privs`. EOPNOTSUPP: netns was built without libseccomp
---@field no_new_privs? boolean no program that it executes gains privileges, by set-user-ID or file capabilities; prctl(2)
---@field [string] netns.NoSuchField

---A root made of a directory that stays as it is; `{ lower = "/" }` is "overlay".
---@class netns.process.Overlay
---@field lower string
---@field [string] netns.NoSuchField

---A pseudo terminal.
---@class netns.process.Terminal
---@field rows? integer 24 unless given; stty(1)
---@field cols? integer 80 unless given
---@field echo? boolean `false`: what is typed does not come back
---@field [string] netns.NoSuchField

---Namespaces that a program can have of its own; namespaces(7).
---@alias netns.process.Kind
---| "pid" processes: it has pid 2, and pid 1 is an init that reaps. All that is left in there ends with the program, daemons too. Brings "mount", and a /proc of its own
---| "mount" mounts: a copy of the namespace's, which follows no later ones
---| "uts" host name
---| "ipc" System V queues, semaphores and shared memory, POSIX message queues
---| "user" users: it is root, or `user`, with all capabilities in here and none over the network namespace; no other user and group is mapped
---| "cgroup" its control group is the root of all that it sees

---A soft and a hard limit in one, or both: `{ soft, hard }`.
---@alias netns.process.Limit integer|"unlimited"|(integer|"unlimited")[]

---The resources of setrlimit(2), as prlimit(1) calls them.
---@class netns.process.Limits
---@field as? netns.process.Limit bytes of memory
---@field core? netns.process.Limit bytes of a core file
---@field cpu? netns.process.Limit seconds
---@field data? netns.process.Limit bytes
---@field fsize? netns.process.Limit bytes of a file
---@field locks? netns.process.Limit
---@field memlock? netns.process.Limit bytes
---@field msgqueue? netns.process.Limit bytes
---@field nice? netns.process.Limit
---@field nofile? netns.process.Limit descriptors
---@field nproc? netns.process.Limit processes of its user; root is not limited
---@field rss? netns.process.Limit bytes; without effect
---@field rtprio? netns.process.Limit
---@field rttime? netns.process.Limit microseconds
---@field sigpending? netns.process.Limit
---@field stack? netns.process.Limit bytes
---@field [string] netns.NoSuchField

---How a process ended.
---@class netns.process.Result
---@field code? integer exit code; nil when a signal ended it
---@field signal? integer the signal's number
---@field stdout? string if captured: all that was not read before it ended. What a daemon that it left behind writes later is not in it
---@field stderr? string likewise
---@field elapsed number seconds
---@field timed_out? true its `timeout` ended it

---@class netns.ns
local ns = {}

---Start a program. Raises with the step at which it failed if it cannot be executed (ENOENT, EACCES, ENOEXEC; `attr` is the option that was refused, as
---"cwd" or "limits").
---It gets the namespace's own /sys and /etc/netns/NAME/* over /etc, default signals, and no descriptor of ours but 0, 1 and 2. It is in a
---session of its own, unless its stdin is a terminal.
---@param spec netns.process.Spec
---@return netns.Process
function ns:spawn(spec) end

---Run a program and wait until its own process ends. Raises unless it exits with 0: `code` is "EXIT", "SIGNAL" or, at the timeout,
---"ETIMEDOUT", and `result` has the result. Daemons that it started live on until the sandbox or the host program ends.
---@param spec netns.process.Spec
---@return netns.process.Result
function ns:exec(spec) end

---A process that `spawn` started. Pollable: ready when there is output to read, or it has ended.
---@class netns.Process
---@field pid integer
local process = {}

---Wait until it ends; what it writes meanwhile is kept for `read` and the result.
---@param timeout? number|string seconds; without it, for ever
---@return netns.process.Result? result nil when the time ran out
---@return "timeout"? why
function process:wait(timeout) end

---Send a signal to the process itself; `close` ends its descendants, too.
---@param signal? integer|string "TERM" (if not given), "SIGHUP", 9
---@return boolean sent false if it has ended
function process:kill(signal) end

---Write all of `s` into its stdin, or type it. Raises EPIPE when nobody reads any more.
---@param s string
function process:write(s) end

---The end of its input. At a terminal Ctrl-D is typed: the end for who reads lines, and more can follow.
function process:close_stdin() end

---Its terminal has another size (SIGWINCH).
---@param rows integer
---@param cols integer
function process:resize(rows, cols) end

---What it has written and nobody took yet; waits for something if there is nothing.
---@param timeout? number|string seconds
---@param stream? "stdout"|"stderr" the one that is captured; stdout if both are
---@return string? output nil when all has been read, or the time ran out
---@return "timeout"? why
function process:read(timeout, stream) end

---An iterator over the lines that it writes.
---@param stream? "stdout"|"stderr"
---@return fun(): string?
function process:lines(stream) end

---Wait for output that matches a Lua pattern, and take it with all that stood before it. Raises EPIPE when the output ends without.
---@param pattern string
---@param timeout? number|string seconds
---@param stream? "stdout"|"stderr"
---@return string? capture the captures, or the match; nil when the time ran out
---@return string? more the second capture, or "timeout"
---@return string? ...
function process:expect(pattern, timeout, stream) end

---Wait until something in its namespace listens on a port. Raises ECHILD when the process ends.
---@param what string "tcp/80", "udp/53"
---@param timeout? number|string seconds
---@return true? listening nil when the time ran out
---@return "timeout"? why
function process:listening(what, timeout) end

---Wait for more output than was read so far, without taking it.
---@param timeout? number|string seconds
---@param stream? "stdout"|"stderr"
---@return true? more nil when all has been read, or the time ran out
---@return "timeout"? why
function process:more(timeout, stream) end

---What was read and nobody took yet.
---@param stream? "stdout"|"stderr"
---@return string
function process:peek(stream) end

---Take the first bytes of that.
---@param n integer
---@param stream? "stdout"|"stderr"
---@return string
function process:take(n, stream) end

---SIGKILL to the process and everything that descends from it, daemons that forked away too. Also `<close>`, and when it is collected.
function process:close() end

---For event loops (the protocol of cqueues), and `netns.wait`.
---@return integer
function process:pollfd() end

---@return "r"
function process:events() end

---@return nil
function process:timeout() end

return process
