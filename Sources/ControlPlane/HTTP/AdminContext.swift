package import Hummingbird

/// Context of a request to the control plane's plain port.
package struct AdminContext: RequestContext {
    package var coreContext: CoreRequestContextStorage

    package init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
    }
}
