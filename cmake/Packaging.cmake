# Manual page and completions from the program's own option tables, documentation, .deb and .tar.gz.
# Included last: it refers to the program's target.
if(TARGET xsgate)
  set(made ${PROJECT_BINARY_DIR}/share)
  file(MAKE_DIRECTORY ${made})
  add_custom_command(OUTPUT ${made}/xsgate.1 ${made}/xsgate ${made}/_xsgate ${made}/xsgate.fish
    COMMAND xsgate man > ${made}/xsgate.1
    COMMAND xsgate completion bash > ${made}/xsgate
    COMMAND xsgate completion zsh > ${made}/_xsgate
    COMMAND xsgate completion fish > ${made}/xsgate.fish
    DEPENDS xsgate VERBATIM)
  add_custom_target(xsg_share ALL DEPENDS ${made}/xsgate.1)
  install(FILES ${made}/xsgate.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${made}/xsgate DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${made}/_xsgate DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
  install(FILES ${made}/xsgate.fish
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/guide docs/formats DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_NAME xsgate)
set(CPACK_PACKAGE_VENDOR "the xsgate authors")
set(CPACK_PACKAGE_CONTACT "the xsgate authors <xsgate@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Loaded by the runtime when it samples, never linked.
set(CPACK_DEBIAN_PACKAGE_DEPENDS libunwind8)
# Certificates: posting to a forge checks the forge's.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "git, ca-certificates")
set(CPACK_DEB_COMPONENT_INSTALL OFF)
include(CPack)
