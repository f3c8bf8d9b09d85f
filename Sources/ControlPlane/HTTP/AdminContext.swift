package import Hummingbird
import NIOCore

/// Context of a request to the control plane's plain port.
package struct AdminContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// Of whoever holds the connection, which may be a proxy.
    let peerAddress: String?

    package init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
        peerAddress = source.channel.remoteAddress?.ipAddress
    }
}
