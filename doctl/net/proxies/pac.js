// The functions that PAC scripts may call. What they need of the outside is in `facts`, so nothing here waits:
//   names   an object: the addresses of each name that was resolved, an empty list where it has none
//   own     this machine's addresses, IPv4 first
//   now     milliseconds since 1970
// The value of this file is a function that installs them and returns a function for the names that were asked for in
// vain, one a line, so that they can be resolved and the script run again.
(function (global, facts) {
    "use strict";

    const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    let unknown = "";

    function addresses(host) {
        host = String(host).toLowerCase();
        if (v4(host) !== null || host.includes(":")) return [host];
        if (Object.hasOwn(facts.names, host)) return facts.names[host];
        if (unknown.length < 20000 && host.length < 254) unknown += host.replace(/\s/g, "") + "\n";
        return [];
    }

    function v4(text) {
        const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(String(text));
        if (match === null) return null;
        const bytes = match.slice(1).map(Number);
        return bytes.every((b) => b < 256) ? bytes : null;
    }

    // The sixteen bytes of an IPv6 address, or null.
    function v6(text) {
        let source = String(text).split("%")[0];
        const tail = source.slice(source.lastIndexOf(":") + 1);
        if (tail.includes(".")) {
            const last = v4(tail);
            if (last === null) return null;
            const words = [last[0] * 256 + last[1], last[2] * 256 + last[3]].map((w) => w.toString(16)).join(":");
            source = source.slice(0, -tail.length) + words;
        }
        const halves = source.split("::");
        if (halves.length > 2) return null;
        const [head, rest] = halves.map((half) => (half === "" ? [] : half.split(":")));
        const missing = 8 - head.length - (rest ? rest.length : 0);
        if (rest ? missing < 1 : missing !== 0) return null;
        const words = rest ? [...head, ...Array(missing).fill("0"), ...rest] : head;
        if (!words.every((word) => /^[0-9a-f]{1,4}$/i.test(word))) return null;
        return words.flatMap((word) => [parseInt(word, 16) >> 8, parseInt(word, 16) & 255]);
    }

    function sameBits(one, other, bits) {
        if (one === null || other === null || one.length !== other.length || !(bits >= 0 && bits <= one.length * 8)) {
            return false;
        }
        return one.every((byte, i) => {
            const counted = Math.min(8, Math.max(0, bits - i * 8));
            return byte >> (8 - counted) === other[i] >> (8 - counted);
        });
    }

    const first4 = (list) => list.find((each) => v4(each) !== null) ?? null;

    // Whether `value` lies between two others, which may wrap round the end of a day, week or year.
    const within = (value, from, to) => (from <= to ? from <= value && value <= to : value >= from || value <= to);

    // The arguments without a last "GMT", and what tells parts of the present in the time zone that was meant.
    function dated(given) {
        const list = Array.from(given);
        const gmt = list.length > 0 && list[list.length - 1] === "GMT";
        if (gmt) list.pop();
        const now = new Date(facts.now);
        return [list, (part) => now[(gmt ? "getUTC" : "get") + part]()];
    }

    // Day of the month, month or year: what a number or a name in a dateRange is. Each weighs more than the one before.
    function dateParts(list) {
        return list.map((each) => {
            const month = MONTHS.indexOf(String(each).toUpperCase());
            if (month >= 0) return ["month", month];
            const number = Number(each);
            return number > 31 ? ["year", number] : ["day", number];
        });
    }

    const weigh = (parts) => parts.reduce((sum, [kind, n]) => sum + n * { day: 1, month: 32, year: 400 }[kind], 0);

    const functions = {
        isPlainHostName: (host) => !/[.:]/.test(String(host)),
        dnsDomainIs: (host, domain) => String(host).toLowerCase().endsWith(String(domain).toLowerCase()),
        localHostOrDomainIs: (host, full) => {
            const [one, other] = [String(host).toLowerCase(), String(full).toLowerCase()];
            return one === other || other.startsWith(one + ".");
        },
        dnsDomainLevels: (host) => String(host).split(".").length - 1,
        isResolvable: (host) => first4(addresses(host)) !== null,
        dnsResolve: (host) => first4(addresses(host)),
        myIpAddress: () => first4(facts.own) ?? "127.0.0.1",
        isInNet: (host, pattern, mask) => {
            const [address, base, bits] = [v4(first4(addresses(host))), v4(pattern), v4(mask)];
            if (address === null || base === null || bits === null) return false;
            return address.every((byte, i) => (byte & bits[i]) === (base[i] & bits[i]));
        },
        shExpMatch: (text, pattern) => {
            const source = String(pattern).replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*+/g, ".*").replace(/\?/g, ".");
            return new RegExp("^" + source + "$", "s").test(String(text));
        },
        weekdayRange: (...given) => {
            const [list, part] = dated(given);
            const days = list.map((day) => DAYS.indexOf(String(day).toUpperCase()));
            return !days.includes(-1) && days.length > 0 && within(part("Day"), days[0], days[days.length - 1]);
        },
        dateRange: (...given) => {
            const [list, part] = dated(given);
            const parts = dateParts(list);
            const one = new Set(parts.map(([kind]) => kind)).size === parts.length; // a date, and no range of dates
            const [from, to] = one ? [parts, parts] : [parts.slice(0, list.length / 2), parts.slice(list.length / 2)];
            const present = { day: part("Date"), month: part("Month"), year: part("FullYear") };
            const kinds = from.map(([kind]) => kind).join();
            if (list.length === 0 || kinds !== to.map(([kind]) => kind).join()) return false;
            return within(weigh(from.map(([kind]) => [kind, present[kind]])), weigh(from), weigh(to));
        },
        timeRange: (...given) => {
            const [list, part] = dated(given);
            if (![1, 2, 4, 6].includes(list.length)) return false;
            const half = Math.max(1, list.length / 2);
            const names = ["Hours", "Minutes", "Seconds"].slice(0, half);
            const seconds = (numbers) => numbers.reduce((sum, n, i) => sum + Number(n) * [3600, 60, 1][i], 0);
            return within(seconds(names.map(part)), seconds(list.slice(0, half)), seconds(list.slice(-half)));
        },
        // What Windows has besides, for both address families.
        isResolvableEx: (host) => addresses(host).length > 0,
        dnsResolveEx: (host) => addresses(host).join(";"),
        myIpAddressEx: () => facts.own.join(";"),
        isInNetEx: (address, prefix) => {
            const [base, bits] = String(prefix).split("/");
            const read = String(base).includes(":") ? v6 : v4;
            return sameBits(read(address), read(base), bits === undefined ? NaN : Number(bits));
        },
        sortIpAddressList: (list) => {
            const key = (each) => (v4(each) ?? v6(each) ?? []).map((b) => String(b).padStart(3, "0")).join("");
            const sorted = String(list).split(";").map((each) => each.trim()).filter((each) => key(each) !== "");
            return sorted.sort((a, b) => b.includes(":") - a.includes(":") || (key(a) < key(b) ? -1 : 1)).join(";");
        },
        getClientVersion: () => "1.0",
        alert: () => undefined,
    };
    for (const [name, call] of Object.entries(functions)) global[name] = call;
    return () => unknown;
});
