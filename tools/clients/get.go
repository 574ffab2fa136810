// Asks for a page with Go's own TLS: get.go NAME PORT CA PATH.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"os"
)

func main() {
	name, port, ca, path := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	root, err := os.ReadFile(ca)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	config := &tls.Config{ServerName: name, RootCAs: roots, NextProtos: []string{"http/1.1"}}
	connection, err := tls.Dial("tcp", "127.0.0.1:"+port, config)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, name)
	if _, err := io.Copy(os.Stdout, connection); err != nil {
		log.Fatal(err)
	}
}
