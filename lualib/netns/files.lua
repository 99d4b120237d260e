-- SPDX-License-Identifier: MIT
-- netns.files - write a file, or say why not
local core = require "netns.core"

--- Write `text` as the whole content of a file; raises for `op` where that is not possible.
local function write(op, path, text)
	if type(path) ~= "string" then
		core.raise { op = op, attr = "file", code = "EINVAL", misuse = true,
			message = "a file's name expected, got " .. type(path) }
	end
	local file, why, errno = io.open(path, "w")
	if not file then
		core.raise { op = op, subject = path, errno = errno, message = why }
	end
	local written, problem, number = file:write(text)
	local closed, late, late_number = file:close()
	if not written or not closed then
		core.raise { op = op, subject = path, errno = number or late_number, message = problem or late }
	end
end

return { write = write }
