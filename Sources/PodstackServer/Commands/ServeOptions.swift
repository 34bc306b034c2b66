extension ServerCommand {
    static let serve = ServerCommand(
        words: ["serve"], summary: "Serve the API until SIGTERM, which lets running requests finish.",
        options: [
            Option(
                name: "--listen", value: "ADDRESS:PORT",
                summary: "where to listen; 127.0.0.1:8080 unless said; port 0 picks one; beyond this machine "
                    + "only with --tls-cert and --tls-key, or --behind-proxy"),
            Option(name: "--threads", value: "N", summary: "threads that answer; as many as processors unless said"),
            .maxActiveTokens,
            Option(name: "--requests-per-minute", value: "N", summary: "with each token; no limit unless said"),
            Option(
                name: "--failed-authentications", value: "N",
                summary: "from each address in a minute; 20 unless said"),
            Option(
                name: "--reports-per-minute", value: "N",
                summary: "of leaked tokens, from each address; 60 unless said"),
            Option(
                name: "--device-codes-per-minute", value: "N",
                summary: "for programs without a browser, from each address; 10 unless said"),
            Option(
                name: "--public-url", value: "URL",
                summary: "where browsers reach the service; what each client calls it unless said"),
            Option(
                name: "--behind-proxy", value: "IP",
                summary: "a proxy whose X-Forwarded-For counts; may be repeated"),
            Option(
                name: "--tls-cert", value: "FILE",
                summary: "the certificate with its chain, in PEM; SIGHUP reads it and the key again"),
            Option(name: "--tls-key", value: "FILE", summary: "the key of the certificate, in PEM"),
            Option(
                name: "--request-timeout", value: "S",
                summary: "seconds that a request may take to arrive; 30 unless said"),
        ]
    ) { try ServeCommand($0).run() }
}
