-- SPDX-License-Identifier: MIT
-- fallback.lua - links that nobody made: the kernel puts them into every namespace, also into those
-- that are there, when it loads the module of their kind (net.core.fb_tunnels_only_for_init_net)
return {
	erspan0 = true, gre0 = true, gretap0 = true, ip6_vti0 = true, ip6gre0 = true, ip6tnl0 = true,
	ip_vti0 = true, sit0 = true, tunl0 = true,
}
