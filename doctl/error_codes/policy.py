"""The codes of policy: refused, paused, or limited to fewer sources (0x80D03xxx)."""

from typing import Final

from doctl.error_codes.row import ErrorCode

ROWS: Final = (
    ErrorCode(
        0x80D03001,
        "policy",
        "Refused: this machine's participation is being throttled.",
        "The service asked the machine to hold back for a while, because of load or too many requests.",
        "Wait; it ends by itself, and downloads go on over HTTP. If many machines show it at once, spread their update "
        "times.",
    ),
    ErrorCode(
        0x80D03002,
        "policy",
        "Refused by the settings of the user or the administrator.",
        "Delivery Optimization, or this use of it, is switched off: the download mode, or the switch for downloads "
        "from other PCs in the Settings app.",
        "doctl settings shows the mode and where it was set. For peers in the local network set DODownloadMode = 1.",
        "DODownloadMode",
    ),
    ErrorCode(
        0x80D03801,
        "paused",
        "Paused because of what the network costs.",
        "The connection is metered, over its data limit or roaming, and the job is not allowed on such.",
        "It goes on by itself on an unmetered network. If the mark is wrong: Settings, Network, the connection's "
        "properties, Metered connection off.",
    ),
    ErrorCode(
        0x80D03802,
        "mode",
        "The download mode is limited by the policy of the content.",
        "The publisher allows fewer sources for this content than the machine's mode would use.",
        "Nothing is broken, and nothing is to be done: the download uses what the content allows.",
        "DODownloadMode",
    ),
    ErrorCode(
        0x80D03803,
        "paused",
        "Paused because the machine is on a cellular network.",
        "The job may not use mobile data.",
        "It goes on by itself on Wi-Fi or cable. To allow it: Settings, Windows Update, Advanced options, downloads "
        "over metered connections.",
    ),
    ErrorCode(
        0x80D03804,
        "paused",
        "Uploads are paused because the machine runs on battery.",
        "By default peers get nothing from a machine on battery; or the battery is below the percentage that the "
        "policy asks for.",
        "Plug it in. To let it upload on battery set DOMinBatteryPercentageAllowedToUpload, for example to 60.",
        "DOMinBatteryPercentageAllowedToUpload",
    ),
    ErrorCode(
        0x80D03805,
        "paused",
        "Paused because there is no network.",
        "No adapter is connected, or Windows believes that there is no Internet behind it.",
        "It goes on by itself with the network. If the machine is online: doctl check; a blocked connectivity test of "
        "Windows also makes it think so.",
    ),
    ErrorCode(
        0x80D03806,
        "mode",
        "The download mode is limited by policy.",
        "A policy (Group Policy, MDM, Configuration Manager's client settings) allows fewer sources than the default.",
        "doctl settings shows the mode and which place it came from. Change DODownloadMode there if peers are wanted.",
        "DODownloadMode",
    ),
    ErrorCode(
        0x80D03807,
        "paused",
        "Peers are paused because the machine is on a VPN.",
        "Windows counts an adapter as a VPN, by its type or by a word in its description, and then shares nothing.",
        "doctl vpn says which adapter and why. If it is no VPN, set DOVpnKeywords so that it does not match; to share "
        "over the VPN set DOAllowVPNPeerCaching = 1.",
        "DOAllowVPNPeerCaching",
    ),
    ErrorCode(
        0x80D03808,
        "paused",
        "Paused because memory is critically low.",
        "The machine has hardly any free memory at the moment.",
        "It goes on when memory is free again. Machines with less than DOMinRAMAllowedToPeer (4 GB) do not "
        "share at all.",
        "DOMinRAMAllowedToPeer",
    ),
    ErrorCode(
        0x80D03809,
        "mode",
        "The download mode is limited because there is no cache folder.",
        "The drive or folder for the cache is missing, full, or not writable for the service.",
        "See that the drive in DOModifyCacheDrive exists, has space (DOMinDiskSizeAllowedToPeer), and that the service "
        "may write there; then Restart-Service DoSvc",
        "DOModifyCacheDrive",
    ),
    ErrorCode(
        0x80D0380A,
        "service",
        "A cloud service of Delivery Optimization is unreachable.",
        "The hosts under *.do.dsp.mp.microsoft.com are blocked, or TLS inspection breaks their pinned certificates. "
        "Downloads go on over HTTP, without peers.",
        "doctl hosts --set service says which host and why. Allow *.do.dsp.mp.microsoft.com on port 443 and exempt it "
        "from TLS inspection.",
    ),
    ErrorCode(
        0x80D0380B,
        "mode",
        "The download mode is limited because the caller is not registered.",
        "The program that asked is not known to the service as one whose content may be shared.",
        "Nothing is broken: such content comes over HTTP only. For content of your own use doctl fetch with a "
        "coordinator.",
    ),
    ErrorCode(
        0x80D0380C,
        "mode",
        "Parts of a file given as simple ranges are downloaded in simple mode.",
        "Such jobs fetch without the service and without peers, by design.",
        "Nothing is broken, and nothing is to be done.",
        "DODownloadMode",
    ),
    ErrorCode(
        0x80D0380D,
        "http",
        "Paused because of an odd HTTP status, such as 204.",
        "Something between the machine and the content server answers in its place: a login page, a filter, an empty "
        "cache.",
        "doctl proxy URL shows the status and who sent it. Exempt the content hosts from it.",
    ),
)
