# What a user gets: the program, its data, its manual; and the same as a Debian package.
#
# The program finds its data as ../share/credence from where it stands, so the installed folder can
# be moved (base/data_dir.c). There is no API, so no library and no header is installed.
install(TARGETS credence_exe RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY prompts jobs slurm DESTINATION ${CMAKE_INSTALL_DATADIR}/credence
        USE_SOURCE_PERMISSIONS)
install(DIRECTORY analysis DESTINATION ${CMAKE_INSTALL_DATADIR}/credence
        PATTERN __pycache__ EXCLUDE PATTERN "*.egg-info" EXCLUDE PATTERN build EXCLUDE)
install(FILES ${CMAKE_BINARY_DIR}/credence.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
install(FILES src/modulefile.tcl RENAME ${PROJECT_VERSION}
        DESTINATION ${CMAKE_INSTALL_DATADIR}/modulefiles/credence)

# Removes what the last install of this build folder put down, and the folders left empty.
add_custom_target(uninstall
    COMMAND ${CMAKE_COMMAND} -DMANIFEST=${CMAKE_BINARY_DIR}/install_manifest.txt
            -P ${CMAKE_SOURCE_DIR}/src/uninstall.cmake
    COMMENT "" VERBATIM)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME credence)
set(CPACK_PACKAGE_CONTACT "credence maintainers <credence@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS openmpi-bin)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "python3-h5py, python3-matplotlib")
include(CPack)
