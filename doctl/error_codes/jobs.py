"""The codes of the service and of jobs: what a program asked for, and how it went (0x80D01xxx, 0x80D02xxx)."""

from typing import Final

from doctl.error_codes.row import ErrorCode

ROWS: Final = (
    ErrorCode(
        0x80D01001,
        "service",
        "The Delivery Optimization service could not do its work.",
        "The Windows service DoSvc is disabled, hangs, or was stopped while a download was going on.",
        "See that it may run and start it anew: Get-Service DoSvc; Restart-Service DoSvc. Then repeat the download.",
    ),
    ErrorCode(
        0x80D02002,
        "download",
        "The download made no progress within the time it is allowed.",
        "No source delivers: the content server is blocked or stalls, a proxy holds back ranges, or peers that were "
        "chosen first do not answer and the fallback to HTTP comes late.",
        "Run doctl check on the machine; it tells a blocked host, a proxy that breaks ranges and a closed port apart. "
        "A long DODelayForegroundDownloadFromHttp makes a machine without peers wait for nothing.",
        "DODelayForegroundDownloadFromHttp",
    ),
    ErrorCode(
        0x80D02003,
        "job",
        "There is no such job.",
        "The program asks after a download that has ended, was cancelled, or belongs to another user.",
        "Let the program start the download again. Get-DeliveryOptimizationStatus lists the jobs that exist.",
    ),
    ErrorCode(
        0x80D02004,
        "job",
        "The job holds no files.",
        "The program started a download without having added a file to it.",
        "A fault of the program that asked: update or repair it; for Windows Update, run its troubleshooter and retry.",
    ),
    ErrorCode(
        0x80D02005,
        "job",
        "Nothing is being downloaded.",
        "The program asked for the running downloads, and there are none.",
        "Usually harmless. If a download should be running, start it again and watch Get-DeliveryOptimizationStatus.",
    ),
    ErrorCode(
        0x80D0200B,
        "job",
        "Downloading into a memory stream is not supported here.",
        "The program gave a stream to write to where this version of Windows, or this kind of job, only writes files.",
        "Update Windows, or let the program name a file. An administrator's settings do not change this.",
    ),
    ErrorCode(
        0x80D0200C,
        "job",
        "The job passed its maximum age without being finished.",
        "The download was paused, throttled or without a source for days: a machine that is seldom on, a metered "
        "network, hours of limited bandwidth, a bandwidth limit that is too low for the size.",
        "Let it start again, and look at what slows it down: doctl settings shows limits and limited hours, doctl "
        "check the way to the sources.",
        "DOMaxBackgroundDownloadBandwidth",
    ),
    ErrorCode(
        0x80D0200D,
        "job",
        "No local path was given to write to.",
        "The program started a download without saying where the file goes.",
        "A fault of the program that asked: update or repair it.",
    ),
    ErrorCode(
        0x80D02010,
        "job",
        "There is no file in error: no URL of the job produced an error that could be reported.",
        "The program asked which file failed although none did, or the job failed before any URL was tried.",
        "Look for the job's own error code: Get-DeliveryOptimizationLog has the lines around it.",
    ),
    ErrorCode(
        0x80D02011,
        "job",
        "The property is unknown.",
        "The program sets or reads a property that this version of Windows does not have.",
        "Update Windows to the version that the program expects, or the program to one that knows this Windows.",
    ),
    ErrorCode(
        0x80D02012,
        "job",
        "The property can only be read.",
        "The program tries to set something that Delivery Optimization decides by itself.",
        "A fault of the program that asked: update it.",
    ),
    ErrorCode(
        0x80D02013,
        "job",
        "The job's present state does not allow this.",
        "The program changes, resumes or ends a job at the wrong moment: after it was finished or cancelled, or "
        "before it was started.",
        "Start the download again. If it comes back, restart the service, which clears half-dead jobs: "
        "Restart-Service DoSvc",
    ),
    ErrorCode(
        0x80D02015,
        "job",
        "The property can only be written.",
        "The program tries to read back something that it may only set, such as a secret.",
        "A fault of the program that asked: update it.",
    ),
    ErrorCode(
        0x80D02016,
        "integrity",
        "The download must be checked for integrity, but there is no hash information for it.",
        "The content is offered without a pieces hash file, or the program demanded the check and named no hashes.",
        "Repeat later, since new content may get its hashes after it is published. For content of your own, make "
        "them: doctl phf create FILE",
    ),
    ErrorCode(
        0x80D02017,
        "integrity",
        "The download must be checked for integrity, but its hash information could not be fetched.",
        "The metadata hosts are not reachable, or a proxy or filter alters or blocks the hash file.",
        "doctl hosts --set metadata, then allow what it names: *.dl.delivery.mp.microsoft.com on port 80, and the "
        "bare name beside the wildcard.",
    ),
    ErrorCode(
        0x80D02018,
        "job",
        "There is nowhere to write: neither a file nor a stream was given.",
        "The program started a download without a place for the content.",
        "A fault of the program that asked: update or repair it.",
    ),
    ErrorCode(
        0x80D02019,
        "job",
        "Another kind of place to write to is set already.",
        "The program gave both a file and a stream.",
        "A fault of the program that asked: update it; a job writes to one or the other.",
    ),
    ErrorCode(
        0x80D0201A,
        "http",
        "The server answered 200 and did not say how long the content is.",
        "A proxy or content server sends the file in chunks, compressed, or through a scanner that drops the length.",
        "doctl proxy URL shows who does it. Exempt the content hosts from scanning and compression, so that "
        "Content-Length passes.",
    ),
    ErrorCode(
        0x80D0201B,
        "integrity",
        "A decryption key was given, but the file on the content host is not encrypted.",
        "The publisher's metadata and the file do not belong together, or a cache delivered another file.",
        "Clear the cache that sits between (Connected Cache, proxy) for this file and repeat. For content of your "
        "own, publish it again.",
    ),
    ErrorCode(
        0x80D0201C,
        "http",
        "The server answered 206 and did not say how long the whole content is.",
        "A proxy rewrote the Content-Range header, often to an asterisk in place of the total.",
        "doctl proxy URL names the header it got and from whom. Let the proxy pass ranges unaltered, or send the "
        "content hosts direct.",
    ),
    ErrorCode(
        0x80D0201D,
        "http",
        "The server answered with another 2xx status, and the size cannot be known from that.",
        "A gateway, login page or scanner answers in place of the content server.",
        "doctl proxy URL shows the status and who sent it. Exempt the content hosts from sign-in pages and scanning.",
    ),
    ErrorCode(
        0x80D0201E,
        "policy",
        "The user must agree to network access first.",
        "The program is held until somebody agrees, usually on a metered or roaming connection.",
        "Agree in the program, or mark the connection as not metered in the network settings.",
    ),
    ErrorCode(
        0x80D02200,
        "job",
        "The download was started without a URL.",
        "The program named no source for the file.",
        "A fault of the program that asked, or its catalogue is incomplete: for Configuration Manager or WSUS, "
        "synchronise and distribute the content again.",
    ),
    ErrorCode(
        0x80D02201,
        "job",
        "The download was started without a content id.",
        "The program asked for peers, or for a check, of content that it did not identify.",
        "A fault of the program that asked, or its catalogue is incomplete: synchronise it and repeat.",
    ),
    ErrorCode(
        0x80D02202,
        "job",
        "The content id is not valid.",
        "The id is empty, too long or not in the form that the service expects.",
        "Synchronise the catalogue of the program that asked. For content of your own, take the id that doctl phf show "
        "prints.",
    ),
    ErrorCode(
        0x80D02203,
        "job",
        "Byte ranges were given where none belong.",
        "The program asked for parts of a file in a job that only fetches whole files.",
        "A fault of the program that asked: update it.",
    ),
    ErrorCode(
        0x80D02204,
        "job",
        "Byte ranges are missing where they are needed.",
        "The program began a partial download and named no parts.",
        "A fault of the program that asked: update it.",
    ),
)
