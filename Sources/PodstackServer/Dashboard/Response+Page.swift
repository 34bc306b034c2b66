extension Response {
    /// A page, with what keeps others from reading, framing or changing it.
    static func page(_ body: [UInt8], status: Int = 200) -> Response {
        var response = Response(status: status, body: body)
        response.contentType = "text/html; charset=utf-8"
        response.set(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
                + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
        response.set("X-Content-Type-Options", "nosniff")
        response.set("X-Frame-Options", "DENY")
        response.set("Referrer-Policy", "same-origin")
        response.set("Cross-Origin-Opener-Policy", "same-origin")
        response.set("Cross-Origin-Resource-Policy", "same-origin")
        return response
    }

    /// To a page that is to be fetched by GET, whatever led there.
    static func redirect(_ link: Link) -> Response {
        var response = Response(status: 303)
        response.set("Location", link.text)
        return response
    }
}
