// Package library is no command: the tool has to say so.
package library
