package import NIOCore

/// How the spool treats the disk.
package struct SpoolSettings: Sendable {
    package var directory: String
    /// Id of this gateway, written into every segment.
    package var gateway: String
    /// Longest time for which a record may be in the kernel only: what a power cut can take.
    package var syncDelay: TimeAmount
    /// Waiters are told only once the disk has confirmed.
    package var isStrict: Bool
    /// A segment that has grown beyond this is closed and the next one begun.
    package var segmentBytes: Int
    /// Kept back for each loop, for the ends of requests that were admitted before the disk filled up.
    package var reserveBytes: Int
    /// Of the file, for each loop, mapped into memory, that keeps records until the next sync; 0: every turn writes its own. Half a megabyte is used,
    /// and more while the disk does not answer: a write would wait for it, and all requests of the loop with it.
    package var tailBytes: Int
    /// Bytes for each loop that may wait for the disk; beyond it nothing is admitted.
    package var unsyncedBytesLimit: Int
    /// How long a segment is kept after the control plane has acknowledged all of it.
    package var retention: Duration

    package init(
        directory: String, gateway: String, syncDelay: TimeAmount = .milliseconds(40), isStrict: Bool = false, segmentBytes: Int = 16 << 20,
        reserveBytes: Int = 256 << 10, tailBytes: Int = 16 << 20, unsyncedBytesLimit: Int = 64 << 20, retention: Duration = .seconds(7 * 86_400)
    ) {
        self.directory = directory
        self.gateway = gateway
        self.syncDelay = syncDelay
        self.isStrict = isStrict
        self.segmentBytes = segmentBytes
        self.reserveBytes = reserveBytes
        self.tailBytes = tailBytes
        self.unsyncedBytesLimit = unsyncedBytesLimit
        self.retention = retention
    }
}
