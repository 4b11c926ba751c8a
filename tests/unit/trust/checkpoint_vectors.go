// Writes checkpoint_vectors.h: a checkpoint signed by Go's golang.org/x/mod/sumdb/note (Debian:
// golang-golang-x-mod-dev), and a cosignature made by the same package with a signer of its own,
// which was written from https://c2sp.org/tlog-cosignature with Go's crypto/ed25519.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run checkpoint_vectors.go > checkpoint_vectors.h
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

const when = 1679315147

type cosigner struct {
	name string
	key  ed25519.PrivateKey
}

func (c cosigner) public() []byte { return c.key.Public().(ed25519.PublicKey) }

func (c cosigner) Name() string { return c.name }

func (c cosigner) KeyHash() uint32 {
	h := sha256.Sum256(append([]byte(c.name+"\n\x04"), c.public()...))
	return binary.BigEndian.Uint32(h[:4])
}

func (c cosigner) Sign(text []byte) ([]byte, error) {
	var out [8]byte
	binary.BigEndian.PutUint64(out[:], when)
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", when, text)
	return append(out[:], ed25519.Sign(c.key, []byte(message))...), nil
}

func quote(name, text string) {
	fmt.Printf("static const char %s[] =\n", name)
	for _, line := range strings.SplitAfter(text, "\n") {
		if line != "" {
			fmt.Printf("\t%+q\n", line)
		}
	}
	fmt.Println("\t;")
}

func main() {
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	secret, verifier, err := note.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 64)),
		"example.com/behind-the-sofa")
	check(err)
	signer, err := note.NewSigner(secret)
	check(err)
	w := cosigner{"witness.example.com/w1", ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))}
	text := "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
	signed, err := note.Sign(&note.Note{Text: text}, signer, w)
	check(err)
	fmt.Println("/* Made by checkpoint_vectors.go with Go's golang.org/x/mod/sumdb/note. */\n#pragma once")
	fmt.Printf("#define VECTOR_TIME %d\n", when)
	quote("vector_log", verifier)
	quote("vector_witness", fmt.Sprintf("%s+%08x+%s", w.name, w.KeyHash(),
		base64.StdEncoding.EncodeToString(append([]byte{4}, w.public()...))))
	quote("vector_note", string(signed))
}
