/* Made by checkpoint_vectors.go with Go's golang.org/x/mod/sumdb/note. */
#pragma once
#define VECTOR_TIME 1679315147
static const char vector_log[] =
	"example.com/behind-the-sofa+252b74d2+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
static const char vector_witness[] =
	"witness.example.com/w1+4bdc7eaa+BP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY";
static const char vector_note[] = "example.com/behind-the-sofa\n"
				  "20852163\n"
				  "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
				  "\n"
				  "\u2014 example.com/behind-the-sofa "
				  "JSt00p6KTYtH8opAMF2NJ7glHT4uHMzg9iBNNDYLQta3PzLlhUjMPmDAXA2L1DXj"
				  "WfKrvjQJdIEVj9Tiu9f35PqL5g8=\n"
				  "\u2014 witness.example.com/w1 "
				  "S9x+"
				  "qgAAAABkGFDLSEwbtADY9t5XeSzDTVuiqYN5nZfoc9NQOUgkPYm4wwjIUL68Nczz"
				  "1tpzCjnpmnRXttgqVVwOg3WfE7AXqa+DAg==\n";
