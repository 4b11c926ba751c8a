// Checks a ledger with Go's golang.org/x/mod/sumdb (Debian: golang-golang-x-mod-dev), which knows
// nothing of hinomi: the checkpoint as a signed note, the root and each entry from the tiles, the
// growth from an older checkpoint, and proofs of acts.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run ledger_oracle.go KEY FOLDER OLD [PROOF ...]
package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(err error) {
	if err != nil {
		fmt.Println("oracle:", err)
		os.Exit(1)
	}
}

// A checkpoint, signed by the log.
func head(key string, text []byte) tlog.Tree {
	verifier, err := note.NewVerifier(key)
	check(err)
	opened, err := note.Open(text, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	hash, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: hash}
}

// The files of https://c2sp.org/tlog-tiles: sumdb's without the height, bundles as "entries".
type folder string

func (f folder) Height() int                            { return 8 }
func (f folder) SaveTiles(tiles []tlog.Tile, d [][]byte) {}

func (f folder) read(t tlog.Tile) ([]byte, error) {
	path := strings.TrimPrefix(t.Path(), "tile/8/")
	path = strings.Replace(path, "data/", "entries/", 1)
	data, err := os.ReadFile(filepath.Join(string(f), "tile", path))
	if os.IsNotExist(err) && t.W < 256 {
		t.W = 256
		return f.read(t)
	}
	return data, err
}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, t := range tiles {
		data, err := f.read(t)
		if err != nil {
			return nil, err
		}
		out = append(out, data[:t.W*tlog.HashSize])
	}
	return out, nil
}

func entries(f folder, tree tlog.Tree, reader tlog.HashReader) {
	for n := int64(0); n < tree.N; n += 256 {
		width := tree.N - n
		if width > 256 {
			width = 256
		}
		data, err := f.read(tlog.Tile{H: 8, L: -1, N: n / 256, W: int(width)})
		check(err)
		for i := n; i < n+width; i++ {
			size := int(data[0])<<8 | int(data[1])
			want, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, i)})
			check(err)
			if tlog.RecordHash(data[2:2+size]) != want[0] {
				check(fmt.Errorf("entry %d is not its leaf", i))
			}
			data = data[2+size:]
		}
	}
}

func proof(key, path string) {
	text, err := os.ReadFile(path)
	check(err)
	parts := strings.SplitN(string(text), "\n\n", 2)
	lines := strings.Split(parts[0], "\n")
	extra, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	check(err)
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	check(err)
	var p tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		check(err)
		p = append(p, hash)
	}
	tree := head(key, []byte(parts[1]))
	check(tlog.CheckRecord(p, tree.N, tree.Hash, index, tlog.RecordHash(extra[:84])))
}

func main() {
	key, f := os.Args[1], folder(os.Args[2])
	text, err := os.ReadFile(filepath.Join(os.Args[2], "checkpoint"))
	check(err)
	tree := head(key, text)
	reader := tlog.TileHashReader(tree, f)
	entries(f, tree, reader)
	text, err = os.ReadFile(os.Args[3])
	check(err)
	old := head(key, text)
	growth, err := tlog.ProveTree(tree.N, old.N, reader)
	check(err)
	check(tlog.CheckTree(growth, tree.N, tree.Hash, old.N, old.Hash))
	for _, path := range os.Args[4:] {
		proof(key, path)
	}
	fmt.Printf("good %d\n", tree.N)
}
