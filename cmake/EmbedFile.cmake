# Files of the tree as bytes in the program.
#
#   xsg_embed_files(TARGET xsg_baseline TABLE xsg_schema_files FILES baseline/schema/0001_a.sql ...)
#
# gives the target a table `const struct xsg_embedded NAME[]` (base/embed.h; declare it extern where
# it is used), ended by a NULL name, in the order of FILES. Made anew when a file changes, by this
# script itself: no other tool is needed.
if(CMAKE_SCRIPT_MODE_FILE)
  set(bytes "")
  set(rows "")
  set(i 0)
  string(REPLACE "|" ";" files "${FILES}")
  foreach(file ${files})
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    get_filename_component(name ${file} NAME)
    string(APPEND bytes "static const unsigned char file_${i}[] = {\n${hex}0x00};\n")
    string(APPEND rows "    {\"${name}\", (const char *)file_${i}, sizeof file_${i} - 1},\n")
    math(EXPR i "${i} + 1")
  endforeach()
  file(WRITE ${OUT}.c "#include \"base/embed.h\"\n${bytes}"
    "extern const struct xsg_embedded ${TABLE}[];\nconst struct xsg_embedded ${TABLE}[] = {\n"
    "${rows}    {0, 0, 0}};\n")
  return()
endif()

set(XSG_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(xsg_embed_files)
  cmake_parse_arguments(arg "" "TARGET;TABLE" "FILES" ${ARGN})
  set(out ${PROJECT_BINARY_DIR}/generated/${arg_TABLE})
  set(files "")
  foreach(file ${arg_FILES})
    get_filename_component(file ${file} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})
    list(APPEND files ${file})
  endforeach()
  list(JOIN files "|" joined)
  add_custom_command(OUTPUT ${out}.c
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DTABLE=${arg_TABLE} "-DFILES=${joined}"
      -P ${XSG_EMBED_SCRIPT}
    DEPENDS ${files} ${XSG_EMBED_SCRIPT} VERBATIM
    COMMENT "Embedding ${arg_TABLE}")
  target_sources(${arg_TARGET} PRIVATE ${out}.c)
endfunction()
