#%Module1.0
# Works with environment-modules and with Lmod. Stands in PREFIX/share/modulefiles/credence/VERSION,
# so PREFIX need not be written into it: `module use PREFIX/share/modulefiles`.
set prefix [file dirname [file dirname [file dirname [file dirname $ModulesCurrentModulefile]]]]

proc ModulesHelp { } {
    puts stderr "credence: market making among language models. `credence help` lists its commands."
}
module-whatis "credence: market making among language models, at scale"
conflict credence

prepend-path PATH $prefix/bin
prepend-path MANPATH $prefix/share/man
prepend-path PYTHONPATH $prefix/share/credence/analysis
setenv CREDENCE_DATA_DIR $prefix/share/credence
