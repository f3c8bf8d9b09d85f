import CPlatform
import Glibc

/// Where a runtime's own output goes. The runtime holds the file open, so a full file is copied aside and emptied in place.
struct RuntimeLog: Sendable {
    let path: String
    /// Size in bytes above which the file is rotated; one older file is kept.
    var limit: Int64 = 16 << 20

    /// A descriptor that appends; the caller closes it.
    func open() throws(AgentError) -> Int32 {
        let descriptor = cplatform_open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw AgentError(.state, "the runtime's log \(path) cannot be opened: \(String(cString: strerror(errno)))")
        }
        return descriptor
    }

    /// Returns false when the file was too large and could not be rotated.
    func rotateIfLarge() -> Bool {
        var facts = stat()
        guard stat(path, &facts) == 0, Int64(facts.st_size) > limit else { return true }
        let source = cplatform_open(path, O_RDWR | O_NOFOLLOW, 0)
        let target = cplatform_open(path + ".1", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)
        defer {
            if source >= 0 { close(source) }
            if target >= 0 { close(target) }
        }
        guard source >= 0, target >= 0 else { return false }
        while true {
            let count = sendfile(target, source, nil, 1 << 20)
            if count == 0 { break }
            if count < 0 { return false }
        }
        return ftruncate(source, 0) == 0
    }
}
