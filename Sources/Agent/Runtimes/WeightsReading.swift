import Cryptography
import Glibc
import Synchronization

/// Reads files of weights behind everything else that the host does: slowly, on a thread of the least priority, until it is told to stop.
final class WeightsReading: Sendable {
    private static let piece = 1 << 20

    private let isStopped = Atomic(false)
    /// Milliseconds after each mebibyte.
    private let pause: Int32

    /// - Parameter pause: Milliseconds of rest after each mebibyte; the usual ones make it a hundred a second at most.
    init(pause: Int32 = 10) { self.pause = pause }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// Digests of files in hexadecimal digits, and those that are known already with them. Blocks for as long as it takes; to be called on a thread of its own.
    ///
    /// - Returns: Nil: there is nothing that can be read, or it was stopped.
    func read(_ path: String, known: [ModelFiles.File: String]) -> (files: ModelFiles, digests: [String])? {
        // Of this thread alone; its turn at the disk goes by the same.
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
        guard let files = ModelFiles(path: path) else { return nil }
        var digests: [String] = []
        for file in files.files {
            guard let digest = file.named ?? known[file] ?? digest(of: file) else { return nil }
            digests.append(digest)
        }
        // What was written meanwhile is neither the one nor the other.
        return ModelFiles(path: path) == files ? (files, digests) : nil
    }

    private func digest(of file: ModelFiles.File) -> String? {
        let descriptor = open(file.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var (hasher, buffer) = (SHA256Hasher(), [UInt8](repeating: 0, count: Self.piece))
        while !isStopped.load(ordering: .relaxed) {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 else { return nil }
            guard count > 0 else { return Hex.encode(hasher.finish().bytes) }
            buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            // The thread is its own: nobody else waits for it.
            _ = poll(nil, 0, pause)
        }
        return nil
    }
}
