#!/bin/sh
# Makes the files of this directory with keytool, openssl and java, for tests that need what these
# programs write. The first argument is a directory with Kafka's jars. All certificates are valid
# for a hundred years; the passwords below are in the tests too.
set -eu
jars=$1
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
days=36500 password=store-password

# openssl: an authority, an intermediate one, and a node
openssl req -x509 -newkey rsa:2048 -nodes -days $days -subj "/O=Test/CN=root" \
    -keyout "$work/root.key" -out root.pem 2>/dev/null
issue() { # name, key, issuer, extensions
    openssl req -new -key "$2" -subj "/O=Test/CN=$1" -out "$work/$1.csr"
    printf '%b' "$4" >"$work/$1.ext"
    openssl x509 -req -in "$work/$1.csr" -CA "$3" -CAkey "$5" -CAserial "$work/serial" -CAcreateserial -days $days \
        -extfile "$work/$1.ext" -out "$work/$1.pem" 2>/dev/null
}
openssl genrsa -out "$work/issuer.key" 2048 2>/dev/null
issue issuer "$work/issuer.key" root.pem "basicConstraints=critical,CA:TRUE\n" "$work/root.key"
san="subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n"
openssl genrsa -out "$work/node.key" 2048 2>/dev/null
issue node "$work/node.key" "$work/issuer.pem" "$san" "$work/issuer.key"
cat "$work/node.pem" "$work/issuer.pem" >"$work/chain.pem"

# PEM: a plain key, as PKCS#1 and in each encryption
pem() { cat "$work/chain.pem" "$2" >"$1.pem"; }
openssl pkcs8 -topk8 -nocrypt -in "$work/node.key" -out "$work/plain.key"
pem plain "$work/plain.key"
openssl rsa -in "$work/node.key" -traditional -out "$work/pkcs1.key" 2>/dev/null
pem pkcs1 "$work/pkcs1.key"
for cipher in aes-128-cbc aes-192-cbc aes-256-cbc des3; do
    openssl pkcs8 -topk8 -v2 $cipher -in "$work/node.key" -passout pass:$password \
        -out "$work/e.key"
    pem "encrypted-$cipher" "$work/e.key"
done
for prf in hmacWithSHA1 hmacWithSHA384 hmacWithSHA512; do
    openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf $prf -in "$work/node.key" \
        -passout pass:$password -out "$work/e.key"
    pem "encrypted-$prf" "$work/e.key"
done
openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -in "$work/node.key" -passout pass:$password \
    -out "$work/e.key"
pem encrypted-pbes1 "$work/e.key"
openssl rsa -in "$work/node.key" -aes128 -traditional -passout pass:$password \
    -out "$work/e.key" 2>/dev/null
pem encrypted-openssl "$work/e.key"

# PKCS12 by openssl
openssl pkcs12 -export -inkey "$work/node.key" -in "$work/node.pem" -certfile "$work/issuer.pem" \
    -passout pass:$password -out openssl.p12
openssl pkcs12 -export -legacy -inkey "$work/node.key" -in "$work/node.pem" \
    -certfile "$work/issuer.pem" -passout pass:$password -out openssl-legacy.p12
openssl pkcs12 -export -nokeys -in root.pem -passout pass:$password -out openssl-trust.p12

# keytool: the node's store in both formats, with another password of the key in JKS
tool() { keytool "$@" -noprompt 2>/dev/null; }
tool -importkeystore -srckeystore openssl.p12 -srcstoretype PKCS12 -srcstorepass $password \
    -srcalias 1 -destalias node -destkeystore keytool.p12 -deststoretype PKCS12 \
    -deststorepass $password
tool -importkeystore -srckeystore openssl.p12 -srcstoretype PKCS12 -srcstorepass $password \
    -srcalias 1 -destalias node -destkeystore keytool.jks -deststoretype JKS \
    -deststorepass $password -destkeypass key-password
for format in p12 jks; do
    type=JKS
    [ $format = p12 ] && type=PKCS12
    tool -importcert -alias root -file root.pem -keystore keytool-trust.$format \
        -storetype $type -storepass $password
    cp keytool.$format keytool-both.$format
    tool -importcert -alias root -file root.pem -keystore keytool-both.$format \
        -storetype $type -storepass $password
    cp keytool.$format several.$format
    tool -genkeypair -alias other -keyalg EC -dname CN=other -validity $days \
        -keystore several.$format -storetype $type -storepass $password -keypass $password
done

# Java's own encryption of a PKCS#8 key, which says how long the derived key is
javac -cp "$jars/*" -d "$work" ./*.java
java -cp "$work" Encrypt "$work/plain.key" $password >"$work/e.key"
pem encrypted-java "$work/e.key"
java -cp "$work" Names >names.txt
java -cp "$work:$jars/*" Rules >rules.txt
