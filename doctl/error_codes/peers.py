"""The codes of peers: pieces, hash files, swarms, connections and the cache (0x80D06xxx)."""

from typing import Final

from doctl.error_codes.row import ErrorCode

ROWS: Final = (
    ErrorCode(
        0x80D06800,
        "peers",
        "Too many bad pieces went out while uploading.",
        "What lies in this machine's cache is damaged: a failing disk, or a program that changes files there.",
        "Empty the cache and watch the disk: Delete-DeliveryOptimizationCache -Force; Get-PhysicalDisk | "
        "Get-StorageReliabilityCounter",
    ),
    ErrorCode(
        0x80D06802,
        "peers",
        "A fatal error in the part that talks to peers.",
        "An internal fault; the log has what came before it.",
        "Restart-Service DoSvc. If it comes back, save the log and report it: Get-DeliveryOptimizationLog | "
        "Set-Content do.log",
    ),
    ErrorCode(
        0x80D06803,
        "service",
        "A service answered with empty JSON.",
        "A proxy or filter answered in place of the service, or the service has nothing for this machine.",
        "doctl hosts --set service shows who answers. Exempt *.do.dsp.mp.microsoft.com from the proxy's rewriting.",
    ),
    ErrorCode(
        0x80D06804,
        "peers",
        "The data of a piece is bad or incomplete.",
        "A peer sent less than it announced, or lost the connection in the middle.",
        "Usually harmless: the piece is fetched from elsewhere. If it happens all the time, look for packet loss "
        "between the machines.",
    ),
    ErrorCode(
        0x80D06805,
        "peers",
        "The hash of a piece is wrong.",
        "A source sent other bytes than the publisher's: a damaged cache of a peer, or something on the way that "
        "alters data.",
        "The piece is thrown away and fetched again. If it repeats, empty the cache of the peer in question: "
        "Delete-DeliveryOptimizationCache -Force",
    ),
    ErrorCode(
        0x80D06806,
        "peers",
        "The hash of a piece is wrong; its source is not banned yet.",
        "A source sent wrong bytes, but not yet often enough to be shut out.",
        "Nothing at once: the piece is fetched again. Repeated, treat it as 0x80D06805.",
    ),
    ErrorCode(
        0x80D06807,
        "peers",
        "The piece is there already.",
        "Two sources delivered the same piece at about the same time.",
        "Harmless; it costs a little bandwidth.",
    ),
    ErrorCode(
        0x80D06808,
        "peers",
        "The piece is no longer in the cache.",
        "The cache dropped it, by age or for want of space, between offering and sending.",
        "Harmless for the peer, which asks elsewhere. If the cache empties too soon, raise DOMaxCacheSize or "
        "DOMaxCacheAge.",
        "DOMaxCacheAge",
    ),
    ErrorCode(
        0x80D06809,
        "integrity",
        "The content of the hash file is not valid.",
        "The hash file was cut short or replaced on the way, often by an error page of a proxy.",
        "doctl hosts --set metadata and doctl proxy show who alters it. A hash file at hand: doctl phf show PHF",
    ),
    ErrorCode(
        0x80D0680A,
        "integrity",
        "The version of the hash file is not one that is supported.",
        "The hash file was made for a newer client, or it is not a hash file at all.",
        "Update Windows. A hash file at hand: doctl phf show PHF",
    ),
    ErrorCode(
        0x80D0680B,
        "peers",
        "The swarm is not running.",
        "A peer or program asks for content that this machine is not sharing at the moment.",
        "Usually harmless. The sharing begins again with the next download of the content.",
    ),
    ErrorCode(
        0x80D0680C,
        "peers",
        "The peer is not known to the connection manager.",
        "The connection was dropped from the books before this message about it came.",
        "Harmless; it happens when peers come and go.",
    ),
    ErrorCode(
        0x80D0680D,
        "peers",
        "The peer is banned.",
        "It sent too many pieces with a wrong hash.",
        "On that peer, empty the cache and check its disk: Delete-DeliveryOptimizationCache -Force",
    ),
    ErrorCode(
        0x80D0680E,
        "peers",
        "The machine connected to itself.",
        "The list of peers held its own address, as happens behind NAT or with several addresses.",
        "Harmless; the connection is closed.",
    ),
    ErrorCode(
        0x80D0680F,
        "peers",
        "This peer is connected already.",
        "Both sides called each other at the same time, or the list held the peer twice.",
        "Harmless; one of the connections is closed.",
    ),
    ErrorCode(
        0x80D06810,
        "peers",
        "The limit of connections is reached.",
        "Many machines want the same content at the same time.",
        "Harmless; others are tried. In a large site let machines peer by subnet: DORestrictPeerSelectionBy = 1",
        "DORestrictPeerSelectionBy",
    ),
    ErrorCode(
        0x80D06811,
        "peers",
        "The connection to a peer was lost.",
        "The peer was switched off, went to sleep or changed networks; or a firewall cuts idle connections.",
        "Harmless now and then. All the time: doctl ports --target PEER:7680, and look at idle time-outs in between.",
    ),
    ErrorCode(
        0x80D06812,
        "peers",
        "The swarm id is unknown.",
        "A peer asks for content that this machine does not have or no longer has.",
        "Harmless; the peer asks elsewhere.",
    ),
    ErrorCode(
        0x80D06813,
        "peers",
        "The handshake has a wrong length.",
        "What connected to port 7680 does not speak the protocol: a port scanner, a monitoring probe, or a middlebox "
        "that alters the bytes.",
        "doctl ports --target PEER:7680 says what is there. Leave port 7680 out of protocol inspection.",
    ),
    ErrorCode(
        0x80D06814,
        "peers",
        "The socket was closed.",
        "The other side, or something in between, ended the connection.",
        "Harmless now and then. All the time: doctl ports --target PEER:7680",
    ),
    ErrorCode(
        0x80D06815,
        "peers",
        "A message is too long.",
        "The peer, or something in between, does not keep to the protocol.",
        "Harmless once, since the connection is closed. Repeated: find the peer with Get-DeliveryOptimizationStatus "
        "-PeerInfo and update it.",
    ),
    ErrorCode(
        0x80D06816,
        "peers",
        "A message is not valid.",
        "The peer, or something in between, does not keep to the protocol.",
        "As for 0x80D06815; leave port 7680 out of protocol inspection.",
    ),
    ErrorCode(
        0x80D06817,
        "peers",
        "The peer only uploads.",
        "It has everything already and wants nothing.",
        "Harmless: this is how a finished peer behaves.",
    ),
    ErrorCode(
        0x80D06818,
        "cache",
        "The content cannot be pinned, since its swarm does no peering.",
        "The download runs in a mode without peers, so there is nothing to keep for them.",
        "Use a mode with peers: DODownloadMode = 1 (LAN) or 2 (Group). doctl settings shows the present one.",
        "DODownloadMode",
    ),
    ErrorCode(
        0x80D06819,
        "cache",
        "A pinned swarm cannot be deleted without force.",
        "The content was pinned so that it stays in the cache.",
        "Unpin it, or delete what is pinned as well: Delete-DeliveryOptimizationCache -IncludePinnedFiles -Force",
    ),
)
