# semcorr_embed(FILE NAME): at configure time, turns FILE into the C++ array
#     static const uint64_t NAME_words[] = {...};  static const size_t NAME_size = <bytes>;
# in NAME.inc in the module's build folder, which is on its include path. A changed FILE makes the build configure again.
# 64-bit words compile four times faster than bytes; unlike assembler's .incbin they need nothing but a C++ compiler.
function(semcorr_embed file name)
  set(output "${CMAKE_CURRENT_BINARY_DIR}/${name}.inc")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  file(SHA256 "${file}" checksum)
  set(header "// ${name}, SHA-256 ${checksum}, big endian: ${WORDS_BIGENDIAN}")
  if(EXISTS "${output}")
    file(STRINGS "${output}" known LIMIT_COUNT 1)
    if(known STREQUAL header)
      return()
    endif()
  endif()
  file(READ "${file}" hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR bytes "${digits} / 2")
  math(EXPR missing "(16 - ${digits} % 16) % 16")
  string(SUBSTRING "0000000000000000" 0 ${missing} zeros)
  if(WORDS_BIGENDIAN)
    set(word "0x\\1\\2\\3\\4\\5\\6\\7\\8,\n")
  else()
    set(word "0x\\8\\7\\6\\5\\4\\3\\2\\1,\n")
  endif()
  string(REGEX REPLACE "(..)(..)(..)(..)(..)(..)(..)(..)" "${word}" words "${hex}${zeros}")
  file(WRITE "${output}" "${header}\nstatic const uint64_t ${name}_words[] = {\n${words}};\n"
                         "static const size_t ${name}_size = ${bytes};\n")
endfunction()
