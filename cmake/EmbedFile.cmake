# Writes a .cpp that holds the bytes of a file: cmake -DIN=file -DOUT=file.cpp -DHEADER=its/declaration.h
#   -DNAMESPACE=a::b -DNAME=constant -P EmbedFile.cmake
file(READ ${IN} bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT} "// Generated from ${IN}.
#include \"${HEADER}\"
namespace ${NAMESPACE} {
const unsigned char ${NAME}[] = {
${bytes}};
const std::size_t ${NAME}_size = sizeof ${NAME};
}  // namespace ${NAMESPACE}
")
